package sign

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxPolicyBytes bounds a policy in base64, and with it how deeply its JSON can be nested. S3 allows as much for all fields together.
const maxPolicyBytes = 20 << 10

// The words of a policy document (AWS, "POST policy").
const (
	memberExpiration  = "expiration"
	memberConditions  = "conditions"
	operatorEq        = "eq"
	operatorPrefix    = "starts-with"
	operatorRange     = "content-length-range"
	conditionOperands = 3 // the operator is one of them
)

var (
	errNames = errors.New("an object with a name twice")
	errTail  = errors.New("more than one value")
)

// policy is a policy document that was understood to its last word.
type policy struct {
	expiration time.Time
	conditions []condition
	minSize    int64 // bytes
	maxSize    int64
}

// condition holds for a form whose field has the value, or begins with it.
type condition struct {
	field  string // in lower case
	value  string
	prefix bool
}

func (c condition) String() string {
	operator := operatorEq
	if c.prefix {
		operator = operatorPrefix
	}
	return operator + " $" + c.field
}

func (c condition) holds(f form) bool {
	got, sent := f[c.field]
	switch {
	case !sent:
		return false
	case !c.prefix:
		return got == c.value
	case c.field == fieldContentType: // with commas it is a list, and each of it must match (AWS, "Condition matching")
		for part := range strings.SplitSeq(got, ",") {
			if !strings.HasPrefix(strings.TrimSpace(part), c.value) {
				return false
			}
		}
		return true
	default:
		return strings.HasPrefix(got, c.value)
	}
}

// parsePolicy reads a policy in base64. What it does not know it refuses: a condition that is skipped is one that does not hold.
func parsePolicy(encoded string) (policy, error) {
	if len(encoded) > maxPolicyBytes {
		return policy{}, invalidPolicy("The policy is longer than %d bytes", maxPolicyBytes)
	}
	text, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return policy{}, invalidPolicy("The policy is not base64")
	}
	value, err := decodeJSON(text)
	if err != nil {
		return policy{}, invalidPolicy("The policy is not the JSON of a policy")
	}
	document, _ := value.(map[string]any)
	until, _ := document[memberExpiration].(string)
	conditions, _ := document[memberConditions].([]any)
	if len(document) != 2 || until == "" || len(conditions) == 0 {
		return policy{}, invalidPolicy("A policy has an %s and a list of %s, and nothing else", memberExpiration, memberConditions)
	}

	p := policy{maxSize: math.MaxInt64}
	if p.expiration, err = time.Parse("2006-01-02T15:04:05Z", until); err != nil { // takes a fraction of the second, too
		return policy{}, invalidPolicy("The %s of the policy is not a time such as %s", memberExpiration, untilLayout)
	}
	for _, c := range conditions {
		if err := p.add(c); err != nil {
			return policy{}, err
		}
	}
	return p, nil
}

// add takes in one condition, in either of its forms.
func (p *policy) add(value any) error {
	switch c := value.(type) {
	case map[string]any:
		return p.addSimple(c)
	case []any:
		if len(c) != conditionOperands {
			return invalidPolicy("A condition of the policy has %d operands in place of %d", len(c), conditionOperands)
		}
		operator, _ := c[0].(string)
		if operator = strings.ToLower(operator); operator == operatorRange {
			return p.addRange(c[1], c[2])
		}
		return p.addMatch(operator, c[1], c[2])
	}
	return invalidPolicy("A condition of the policy is neither a list nor an object")
}

func (p *policy) addSimple(c map[string]any) error {
	if len(c) != 1 {
		return invalidPolicy("A condition of the policy has %d members in place of one", len(c))
	}
	for name, value := range c {
		text, ok := value.(string)
		if !ok || name == "" {
			return invalidPolicy("A condition of the policy needs a name and a text")
		}
		p.conditions = append(p.conditions, condition{field: strings.ToLower(name), value: text})
	}
	return nil
}

func (p *policy) addMatch(operator string, field, value any) error {
	if operator != operatorEq && operator != operatorPrefix {
		return invalidPolicy("A condition of the policy has an unknown operator")
	}
	reference, _ := field.(string)
	name, ok := strings.CutPrefix(reference, "$")
	text, isText := value.(string)
	if !ok || name == "" || !isText {
		return invalidPolicy("A condition %s of the policy needs a $name and a text", operator)
	}
	p.conditions = append(p.conditions, condition{field: strings.ToLower(name), value: text, prefix: operator == operatorPrefix})
	return nil
}

// addRange narrows the sizes that the policy allows: of several ranges each must hold.
func (p *policy) addRange(low, high any) error {
	from, okFrom := wholeNumber(low)
	to, okTo := wholeNumber(high)
	if !okFrom || !okTo || from < 0 || from > to {
		return invalidPolicy("A %s of the policy needs two whole numbers, the smaller one first", operatorRange)
	}
	p.minSize, p.maxSize = max(p.minSize, from), min(p.maxSize, to)
	return nil
}

func wholeNumber(value any) (int64, bool) {
	number, _ := value.(json.Number)
	n, err := strconv.ParseInt(string(number), 10, 64)
	return n, err == nil
}

// decodeJSON reads one JSON value, as encoding/json does into an any, but refuses a name that an object has twice: readers differ in
// which of the two they keep, so one of them would check a policy that another did not sign.
func decodeJSON(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	value, err := decodeValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errTail
	}
	return value, nil
}

func decodeValue(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		return decodeList(dec)
	case json.Delim('{'):
		return decodeObject(dec)
	}
	return token, nil
}

func decodeList(dec *json.Decoder) ([]any, error) {
	var list []any
	for dec.More() {
		value, err := decodeValue(dec)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := dec.Token() // the bracket that closes it
	return list, err
}

func decodeObject(dec *json.Decoder) (map[string]any, error) {
	object := map[string]any{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder takes nothing else here
		if _, twice := object[name]; twice {
			return nil, errNames
		}
		if object[name], err = decodeValue(dec); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token() // the brace that closes it
	return object, err
}

package console

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// shiftLimit bounds how far a page moves under its reader. Web Vitals calls 0.1 good (https://web.dev/articles/cls).
const shiftLimit = 0.1

// A session of shifts ends after a second without one, or after five.
const (
	sessionGap  = 1000 // ms
	sessionSpan = 5000 // ms
)

//go:embed shift.js
var shiftScript string

// shiftBinding is what the script calls for each shift.
const shiftBinding = "inletShift"

// shift is a move of something that is seen, which the user did not bring about.
type shift struct {
	Page  string
	At    float64 // ms
	Score float64
	Moved []string
}

// shifts adds up what a tab tells of shifts, page by page: the score of a page is that of its worst session.
type shifts struct {
	mu    sync.Mutex
	pages map[string]*shifting
}

type shifting struct {
	first, last, sum float64 // of the session that runs
	worst            float64
	largest          shift
}

func (s *shifts) take(payload string) error {
	var v shift
	if err := json.Unmarshal([]byte(payload), &v); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pages[v.Page]
	if p == nil {
		p = &shifting{}
		s.pages[v.Page] = p
	}
	if v.At-p.last > sessionGap || v.At-p.first > sessionSpan {
		p.first, p.sum = v.At, 0
	}
	p.last = v.At
	p.sum += v.Score
	p.worst = max(p.worst, p.sum)
	if v.Score > p.largest.Score {
		p.largest = v
	}
	return nil
}

// watchShifts has a tab tell of every shift, from the next document on.
func watchShifts(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	if _, err := cdp.Call(ctx, t, runtime.AddBinding, runtime.AddBindingParams{Name: shiftBinding}); err != nil {
		return chromedp.Void{}, err
	}
	_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: shiftScript})
	return chromedp.Void{}, err
}

// judge fails the test for a page that has moved too far.
func (s *shifts) judge(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.pages)) {
		p := s.pages[name]
		line := fmt.Sprintf("layout shift of %s: %.4f; the largest, %.4f, of %v", name, p.worst, p.largest.Score, p.largest.Moved)
		if p.worst >= shiftLimit {
			t.Error(line)
		} else {
			t.Log(line)
		}
	}
}

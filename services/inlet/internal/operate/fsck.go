package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/program"
	"github.com/inlethq/inlet/services/sweeper"
)

// Fsck is the command that checks what is stored.
type Fsck struct {
	Command
	Grace  time.Duration
	Deep   bool
	Repair bool
}

// findingLine is a finding as JSON.
type findingLine struct {
	Code     core.FindingCode `json:"code"`
	Tenant   file.Tenant      `json:"tenant,omitempty"`
	File     file.ID          `json:"file,omitempty"`
	Blob     string           `json:"blob,omitempty"`
	Note     string           `json:"note,omitempty"`
	Repaired bool             `json:"repaired"`
}

// summaryLine is the last line of JSON.
type summaryLine struct {
	Records  int                      `json:"records"`
	Blobs    int                      `json:"blobs"`
	Findings int                      `json:"findings"`
	Repaired int                      `json:"repaired"`
	Codes    map[core.FindingCode]int `json:"codes"`
}

// Run checks, and repairs if it is to. It reports whether nothing is left that is not as it should be. An error means that it could not look, or not
// to the end.
func (f Fsck) Run(ctx context.Context) (clean bool, err error) {
	var sweep sweeper.Config // says what is old enough to be unfinished for good
	if err := config.Load(&sweep); err != nil {
		return false, err
	}
	to := program.Look
	if f.Repair {
		to = program.Change
	}
	err = f.with(ctx, to, func(s *session) error {
		byCode := map[core.FindingCode]int{}
		var unwritten error
		checked, err := s.core.Fsck(ctx, core.Fsck{Grace: f.Grace, Unfinished: sweep.Unfinished, Deep: f.Deep, Repair: f.Repair, Report: func(x core.Finding) {
			byCode[x.Code]++
			unwritten = errors.Join(unwritten, f.finding(x))
		}})
		clean = checked.Found == checked.Mended
		if err = errors.Join(err, unwritten); err != nil {
			return err
		}
		return f.summary(checked, byCode)
	})
	return clean && err == nil, err
}

// finding prints one finding.
func (f Fsck) finding(x core.Finding) error {
	if f.JSON {
		return f.object(findingLine{x.Code, x.Tenant, x.File, x.Key, x.Note, x.Mended})
	}
	words := []string{fmt.Sprintf("%-17s", x.Code)}
	for _, w := range []string{string(x.Tenant), string(x.File), x.Key, x.Note} {
		if w != "" {
			words = append(words, w)
		}
	}
	if x.Mended {
		words = append(words, "(repaired)")
	}
	_, err := fmt.Fprintln(f.Out, strings.Join(words, "  "))
	return err
}

// summary prints the last line.
func (f Fsck) summary(n core.Checked, byCode map[core.FindingCode]int) error {
	if f.JSON {
		return f.object(summaryLine{n.Records, n.Blobs, n.Found, n.Mended, byCode})
	}
	text := fmt.Sprintf("%d records, %d blobs: ", n.Records, n.Blobs)
	if n.Found == 0 {
		text += "all is well"
	} else {
		var counts []string
		for _, code := range slices.Sorted(maps.Keys(byCode)) {
			counts = append(counts, fmt.Sprintf("%d %s", byCode[code], code))
		}
		text += strings.Join(counts, ", ")
	}
	if f.Repair {
		text += fmt.Sprintf("; %d repaired", n.Mended)
	}
	_, err := fmt.Fprintln(f.Out, text)
	return err
}

package main

import (
	"strings"
	"testing"
	"time"
)

func TestArchiveArguments(t *testing.T) {
	for _, args := range [][]string{nil, {"restore"}, {"remove", "--config", "x"}, {"list", "--config", "x", "y"}} {
		if err := archiveCommand(args, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "usage: ") {
			t.Errorf("%v: %v", args, err)
		}
	}
	var at time.Time
	if err := readTime("yesterday", &at); err == nil {
		t.Error("yesterday is taken for a time")
	}
	for text, want := range map[string]int64{"2026-03-01": 1772323200, "2026-03-01T10:00:00Z": 1772359200} {
		if err := readTime(text, &at); err != nil || at.Unix() != want {
			t.Errorf("%s: %d %v", text, at.Unix(), err)
		}
	}
}

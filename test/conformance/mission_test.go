package conformance

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/reference/mission.md and testdata/runs anew")

// TestMission shows the promises that hold, one subtest a row of the
// checklist, and prints how many of all rows of a letter do.
func TestMission(t *testing.T) {
	rows := missionRows()
	checkRows(t, rows)
	shutIn(t)
	h := openHouse(t)
	h.recordedLoad(t) // the shipped rules run every 30 s: P01 and P19 are last
	h.trouble(t)
	passed := map[byte]int{}
	for _, row := range inOrder(rows) {
		skipped := false // what this machine does not permit is not shown
		if row.test != nil && t.Run(row.id, func(t *testing.T) { defer func() { skipped = t.Skipped() }(); row.test(t, h) }) && !skipped {
			passed[row.id[0]]++
		}
	}
	total := map[byte]int{}
	for _, row := range rows {
		total[row.id[0]]++
	}
	for _, letter := range []byte("PAM") {
		fmt.Printf("mission/%c %d/%d\n", letter, passed[letter], total[letter])
	}
}

// inOrder puts the rows that wait longest last.
func inOrder(rows []missionRow) []missionRow {
	out := slices.Clone(rows)
	slices.SortStableFunc(out, func(a, b missionRow) int { return b2i(waits(a)) - b2i(waits(b)) })
	return out
}

func waits(r missionRow) bool { return r.id == "P01" || r.id == "P19" }

// checkRows compares the ids with those of the checklist, where it is at hand.
func checkRows(t *testing.T, rows []missionRow) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "mission", "checklist.md"))
	if err != nil {
		t.Log("the checklist is not at hand: totals are those of the table here")
		return
	}
	var want, got []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([PAM]\d\d) \|`).FindAllStringSubmatch(string(text), -1) {
		want = append(want, m[1])
	}
	for _, r := range rows {
		got = append(got, r.id)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the rows are not those of the checklist:\n%v\n%v", got, want)
	}
}

// TestMissionPage keeps docs/reference/mission.md equal to the table.
func TestMissionPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Promises\n\nWhat Gatehouse promises, row by row. `true`: a test shows it, run by `make conformance`. `later`: not yet. This page is written by `go test ./test/conformance -run MissionPage -update`.\n\n")
	b.WriteString("| row | promise | test | state | not shown yet |\n|---|---|---|---|---|\n")
	for _, r := range missionRows() {
		test, state := "", "later"
		if r.test != nil {
			test, state = "TestMission/"+r.id+" ("+functionName(r.test)+")", "true"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.id, r.promise, test, state, r.missing)
	}
	path := filepath.Join("..", "..", "docs", "reference", "mission.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != b.String() {
		t.Errorf("docs/reference/mission.md is not what the table says (%v): run with -update", err)
	}
}

func functionName(f any) string {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return name[strings.LastIndexByte(name, '.')+1:]
}

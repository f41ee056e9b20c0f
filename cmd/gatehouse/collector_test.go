package main

import "testing"

func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 300, 10 << 20: 300, 24 << 20: 300, 48 << 20: 200, 96 << 20: 100, 1 << 30: 75, 1 << 40: 75} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d MiB live: %d, want %d", live>>20, got, want)
		}
	}
}

package remotewrite

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestQuietLogger(t *testing.T) {
	var out bytes.Buffer
	log := newQuietLogger(slog.New(slog.NewTextHandler(&out, nil)), time.Hour, 2).With("a", 1)
	for range 10 {
		log.Error("refused")
		log.Info("other")
	}
	for _, message := range []string{"refused", "other"} {
		if n := strings.Count(out.String(), "msg="+message); n != 2 {
			t.Errorf("%q was logged %d times, want 2", message, n)
		}
	}
}

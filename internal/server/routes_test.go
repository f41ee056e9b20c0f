package server

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// A program with a wrong path must not take the console's page for an answer.
func TestUnknownAPIPathIsNotThePage(t *testing.T) {
	w := httptest.NewRecorder()
	noSuchAPI(w, httptest.NewRequest("POST", "/api/nope", nil))
	if kind := w.Header().Get("Content-Type"); w.Code != 404 || !strings.HasPrefix(kind, "application/json") || !strings.Contains(w.Body.String(), "/api/nope") {
		t.Errorf("%d %s %s", w.Code, kind, w.Body)
	}
}

func TestDemoSaysWhatStays(t *testing.T) {
	var text strings.Builder
	(&Server{}).announceDemo(&text, "everything stays in /tmp/demo")
	if !strings.Contains(text.String(), "Ctrl-C; everything stays in /tmp/demo.") || strings.Contains(text.String(), "%!") {
		t.Error(text.String())
	}
}

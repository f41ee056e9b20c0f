// Package web carries the console inside the binary. What comes in: browser
// requests for the console's pages and files. What goes out: the built files of
// web/dist, the page shell for every address that a page may have, and headers
// that forbid the browser to load anything from elsewhere. It must never answer
// for data (those addresses belong to the APIs), read files outside the
// embedded folder, or need anything of ours.
package web

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed all:dist
var embedded embed.FS

// Handler serves the console that was built into the binary. When the binary
// was built without it, every page answers 503 and says how to build it.
func Handler() http.Handler {
	dist, err := fs.Sub(embedded, "dist")
	if err != nil {
		return missing()
	}
	return newHandler(dist)
}

// Public tells the files and pages of the console, which hold no data and ask
// for the token themselves, from paths that must be guarded. A browser cannot
// send a token with the first request of a page.
func Public(urlPath string) bool {
	return urlPath == "/" || urlPath == "/traces" || urlPath == "/telemetry" || strings.HasPrefix(urlPath, "/traces/") || strings.HasPrefix(urlPath, "/assets/")
}

// missing answers for a binary without a console.
func missing() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		secure(w.Header(), "")
		http.Error(w, "console not built: run make web", http.StatusServiceUnavailable)
	})
}

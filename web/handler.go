package web

import (
	"bytes"
	"crypto/rand"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// noncePlaceholder stands in index.html where each answer gets its own nonce.
const noncePlaceholder = "__CSP_NONCE__"

// handler serves one built console. Immutable after newHandler.
type handler struct {
	dist  fs.FS
	index [][]byte // index.html, cut at each nonce
}

// newHandler serves dist, a folder with index.html and assets/ in it.
func newHandler(dist fs.FS) http.Handler {
	page, err := fs.ReadFile(dist, "index.html")
	if err != nil {
		return missing()
	}
	return &handler{dist: dist, index: bytes.Split(page, []byte(noncePlaceholder))}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the console only answers GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if isFile(name) {
		h.serveFile(w, r, name)
		return
	}
	if !wantsPage(r) {
		secure(w.Header(), "")
		http.NotFound(w, r)
		return
	}
	h.servePage(w, r)
}

// isFile tells a file from a page: pages have no dot in their last part.
func isFile(name string) bool {
	return name != "index.html" && name != "" && (name == "assets" || strings.HasPrefix(name, "assets/") || strings.Contains(path.Base(name), "."))
}

// wantsPage keeps a client that asked for data from being handed HTML, for
// example when the path of an API call is misspelt.
func wantsPage(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return accept == "" || strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*")
}

// servePage answers with the page shell; the script in it reads the address.
func (h *handler) servePage(w http.ResponseWriter, r *http.Request) {
	nonce := rand.Text()
	body := bytes.Join(h.index, []byte(nonce))
	head := w.Header()
	secure(head, nonce)
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Cache-Control", "no-store") // a nonce is good for one answer only
	write(w, r, body)
}

// serveFile answers with a file of dist, in the best encoding the client takes.
func (h *handler) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	head := w.Header()
	secure(head, "")
	body, encoding, err := h.read(name, r.Header.Get("Accept-Encoding"))
	if err != nil || strings.HasPrefix(path.Base(name), ".") {
		http.NotFound(w, r)
		return
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		head.Set("Content-Type", kind)
	} else {
		head.Set("Content-Type", "application/octet-stream")
	}
	head.Set("Vary", "Accept-Encoding")
	if encoding != "" {
		head.Set("Content-Encoding", encoding)
	}
	if strings.HasPrefix(name, "assets/") { // the name holds a hash of the content
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		head.Set("Cache-Control", "no-cache")
	}
	write(w, r, body)
}

// read gives the content of name and its encoding ("" for none).
func (h *handler) read(name, accept string) (body []byte, encoding string, err error) {
	for _, form := range []struct{ encoding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if !accepts(accept, form.encoding) {
			continue
		}
		if body, err := fs.ReadFile(h.dist, name+form.suffix); err == nil {
			return body, form.encoding, nil
		}
	}
	body, err = fs.ReadFile(h.dist, name)
	return body, "", err
}

// accepts reads an Accept-Encoding header; "encoding;q=0" refuses.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		weight, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		q, err := strconv.ParseFloat(weight, 64)
		return !found || (err == nil && q > 0)
	}
	return false
}

func write(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the client left: nobody to tell
	}
}

// secure sets the headers of every answer. With a nonce, the style elements
// that carry it are allowed beside the files of this origin; nothing else is.
func secure(head http.Header, nonce string) {
	style := "style-src 'self'"
	if nonce != "" {
		style += " 'nonce-" + nonce + "'"
	}
	head.Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'none'", "script-src 'self'", style, "font-src 'self'", "img-src 'self'",
		"connect-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'none'",
		"frame-ancestors 'none'",
	}, "; "))
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
}

package suite

import (
	"bufio"
	"net/http"
	"strings"
)

// parse reads a message that is written as it stands on the wire.
func (v *message) parse(text string) error {
	head, body, _ := strings.Cut(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n")
	in := bufio.NewReader(strings.NewReader(strings.TrimRight(head, "\n") + "\n\n"))
	var header http.Header
	if strings.HasPrefix(text, "HTTP/") {
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		_, v.Reason, _ = strings.Cut(r.Status, " ")
		v.Status, header = r.StatusCode, r.Header
	} else {
		r, err := http.ReadRequest(in)
		if err != nil {
			return err
		}
		v.Method, v.URL, header = r.Method, r.RequestURI, r.Header
		if r.Host != "" && !r.URL.IsAbs() {
			v.URL = "https://" + r.Host + r.RequestURI
		}
	}
	header.Del("Content-Length")
	v.Headers = map[string]*values{}
	for name, list := range header {
		own := values(list)
		v.Headers[name] = &own
	}
	if body = strings.TrimSuffix(body, "\n"); body != "" {
		v.Body = &body
	}
	return nil
}

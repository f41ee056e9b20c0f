package mcp

import (
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Result is the result of a tool's call.
type Result struct {
	Content []Content `json:"content"`
	IsError bool      `json:"isError,omitempty"`
}

// Content is one piece of a result.
type Content struct {
	Type     string    `json:"type"` // text, image, audio, resource
	Text     *string   `json:"text,omitempty"`
	Data     string    `json:"data,omitempty"`
	MIMEType string    `json:"mimeType,omitempty"`
	Resource *Resource `json:"resource,omitempty"`
}

// Resource is content that is neither text nor a picture.
type Resource struct {
	URI      string `json:"uri"`
	MIMEType string `json:"mimeType,omitempty"`
	Blob     string `json:"blob"`
}

// Failed is the result of a call that did not succeed.
func Failed(why string) Result {
	return Result{Content: []Content{{Type: "text", Text: &why}}, IsError: true}
}

// Answered makes the result of an HTTP answer; uri names what was asked for.
func Answered(status int, h http.Header, body []byte, uri string) Result {
	if status >= 400 {
		why := fmt.Sprintf("%d %s", status, http.StatusText(status))
		if len(body) > 0 && utf8.Valid(body) {
			why += "\n" + string(body)
		}
		return Failed(why)
	}
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	whole, _, _ := strings.Cut(kind, "/")
	switch {
	case (whole == "image" || whole == "audio") && kind != "image/svg+xml":
		return Result{Content: []Content{{Type: whole, MIMEType: kind, Data: base64.StdEncoding.EncodeToString(body)}}}
	case h.Get("Content-Encoding") == "" && utf8.Valid(body):
		text := string(body)
		if text == "" {
			text = fmt.Sprintf("%d %s", status, http.StatusText(status))
		}
		return Result{Content: []Content{{Type: "text", Text: &text}}}
	}
	return Result{Content: []Content{{Type: "resource", Resource: &Resource{URI: uri, MIMEType: kind, Blob: base64.StdEncoding.EncodeToString(body)}}}}
}

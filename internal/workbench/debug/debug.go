// Package debug runs one request through the policies statement by statement
// and shows what each of them changed, forwards and back.
//
// What comes in: a service or one document, and a request: written on the
// command line, in a file, or recorded by a running gateway. What goes out: the
// recording, for people or as JSON. It must never show a secret, or send
// anything but what the policies send.
package debug

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/record"
	"gatehouse/internal/workbench/stage"
)

// Options of Run.
type Options struct {
	Source           stage.Source
	Extended         bool
	API, Operation   string            // what to call, instead of a URL
	Parameters       map[string]string // of the operation's template
	Method, URL      string
	Header           http.Header
	Body             []byte
	Subscription     string   // its key is sent
	BackendResponses []string // files with raw responses, in order; the last one stays
}

// maxInput is the largest file that is read.
const maxInput = 16 << 20

// Result is what Run found.
type Result struct {
	Recording *record.Recording
	Status    int
	Header    http.Header
	Body      []byte
	Broken    bool
}

// Run runs the request.
func Run(o Options) (*Result, error) {
	service, err := o.Source.Load()
	if err != nil {
		return nil, err
	}
	request, err := o.request(service)
	if err != nil {
		return nil, err
	}
	so := stage.Options{Extended: o.Extended}
	if len(o.BackendResponses) > 0 {
		stub, err := newStub(o.BackendResponses)
		if err != nil {
			return nil, err
		}
		so.Network = stub.answer
	}
	s, err := stage.New(service, so)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out := &Result{}
	play := stage.Play{Request: request, Record: func(c *policy.Context, secret policy.Observed) policy.Recorder {
		c.Tracing = true
		ro := record.DefaultOptions()
		ro.Secret, ro.ReadBodies, ro.MaxBody, ro.MaxValue, ro.MaxBytes = secret, true, 64<<10, 16<<10, 64<<20
		return record.New(c, ro, func(r *record.Recording) { out.Recording = r })
	}}
	answer := s.Run(play)
	out.Status, out.Header, out.Body, out.Broken = answer.Status, answer.Header, answer.Body, answer.Broken
	if out.Recording == nil {
		return nil, errors.New("the request was not recorded")
	}
	return out, nil
}

// request makes the request that the options describe.
func (o *Options) request(s *apim.Service) (*http.Request, error) {
	target, method := o.URL, o.Method
	if o.API != "" && target == "" {
		var err error
		if method, target, err = o.call(s); err != nil {
			return nil, err
		}
	}
	if target == "" {
		return nil, errors.New("name a URL, or --api and --operation, or --request")
	}
	if strings.HasPrefix(target, "/") {
		target = "https://gateway.example" + target
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL or path", o.URL)
	}
	header := o.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if o.Subscription != "" {
		key, err := stage.Key(s, o.Subscription)
		if err != nil {
			return nil, err
		}
		header.Set(stage.KeyHeader(s, u.Path), key)
	}
	return stage.Request(cmp.Or(method, http.MethodGet), u, header, o.Body, "127.0.0.1"), nil
}

// call gives verb and path of an operation.
func (o *Options) call(s *apim.Service) (method, target string, err error) {
	var known []string
	for _, a := range s.APIs {
		known = append(known, a.ID)
		if a.ID != o.API || !a.IsCurrent && a.Revision != "" && len(known) > 1 {
			continue
		}
		return o.operation(a)
	}
	return "", "", fmt.Errorf("there is no API %q; there are %s", o.API, strings.Join(known, ", "))
}

func (o *Options) operation(a *apim.API) (method, target string, err error) {
	var known []string
	for _, op := range a.Operations {
		known = append(known, op.ID)
		if op.ID != o.Operation {
			continue
		}
		path, err := fill(op.URLTemplate, o.Parameters)
		if err != nil {
			return "", "", err
		}
		prefix := "/" + a.Path
		if a.Path == "" {
			prefix = ""
		}
		method = cmp.Or(o.Method, op.Method)
		if method == "*" {
			method = http.MethodGet
		}
		return method, prefix + path, nil
	}
	return "", "", fmt.Errorf("the API %s has no operation %q; it has %s", a.ID, o.Operation, strings.Join(known, ", "))
}

// fill puts values into a URL template. Query parameters without a value are
// left out.
func fill(template string, values map[string]string) (string, error) {
	path, query, _ := strings.Cut(template, "?")
	var missing []string
	put := func(text string) string {
		for {
			open, end := strings.IndexByte(text, '{'), strings.IndexByte(text, '}')
			if open < 0 || end < open {
				return text
			}
			name := strings.TrimPrefix(text[open+1:end], "*")
			value, ok := values[name]
			if !ok {
				missing = append(missing, name)
			}
			text = text[:open] + url.PathEscape(value) + text[end+1:]
		}
	}
	out := put(strings.TrimSuffix(path, "*"))
	if len(missing) > 0 {
		return "", fmt.Errorf("the template %s needs --param %s=VALUE", template, missing[0])
	}
	sep := "?"
	for pair := range strings.SplitSeq(query, "&") {
		if filled := put(pair); pair != "" && len(missing) == 0 {
			out, sep = out+sep+filled, "&"
		}
		missing = nil
	}
	return out, nil
}

// ReadRequest reads a raw HTTP request from a file.
func (o *Options) ReadRequest(path string) error {
	data, err := readFile(path)
	if err != nil {
		return err
	}
	head, body := split(data)
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return fmt.Errorf("%s is no HTTP request: %w", path, err)
	}
	o.Method, o.URL = r.Method, r.RequestURI
	if r.Host != "" && !r.URL.IsAbs() {
		o.URL = "https://" + r.Host + r.RequestURI
	}
	r.Header.Del("Content-Length")
	for name, values := range o.Header {
		r.Header[name] = values
	}
	o.Header, o.Body = r.Header, body
	return nil
}

// split parts head and body; lines may end as editors end them. The head ends
// with an empty line, and one line end after the body does not count.
func split(data []byte) (head, body []byte) {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	head, body, _ = bytes.Cut(data, []byte("\n\n"))
	return append(bytes.TrimRight(head, "\n"), "\n\n"...), bytes.TrimSuffix(body, []byte("\n"))
}

func readFile(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = fmt.Errorf("%s is larger than %d MB", path, maxInput>>20)
	}
	return data, err
}

// stub answers what forward-request sends; all else really leaves.
type stub struct {
	heads  [][]byte
	bodies [][]byte
	next   int
}

func newStub(files []string) (*stub, error) {
	s := &stub{}
	for _, path := range files {
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		head, body := split(data)
		if _, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), nil); err != nil {
			return nil, fmt.Errorf("%s is no HTTP response: %w", path, err)
		}
		s.heads, s.bodies = append(s.heads, head), append(s.bodies, body)
	}
	return s, nil
}

func (s *stub) answer(c stage.Call) (*http.Response, error) {
	if c.Source != "forward-request" {
		return nil, nil
	}
	i := min(s.next, len(s.heads)-1)
	s.next++
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(s.heads[i])), c.Request)
	if err != nil {
		return nil, err
	}
	r.Header.Del("Content-Length")
	r.ContentLength, r.Body = int64(len(s.bodies[i])), io.NopCloser(bytes.NewReader(s.bodies[i]))
	return r, nil
}

// document reads a single policy document.
func document(path string) (*apim.Document, error) {
	data, err := readFile(path)
	return &apim.Document{File: filepath.ToSlash(path), Text: string(data)}, err
}

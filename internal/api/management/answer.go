package management

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/internal/api"
	"gatehouse/internal/api/arm"
)

// fault is an error in the resource manager's shape.
type fault = arm.Error

func newFault(status int, code, message, target string, details []arm.Error) *fault {
	return &fault{Status: status, Code: code, Message: message, Target: target, Details: details}
}

// Refused is a change that the service cannot be served with.
type Refused struct{ Problems []arm.Error }

func (r *Refused) Error() string {
	var all []string
	for _, p := range r.Problems {
		all = append(all, p.Message)
	}
	return strings.Join(all, "\n")
}

func invalid(target, message string) *fault {
	return newFault(http.StatusBadRequest, "ValidationError", "One or more fields contain incorrect values: "+message, target, []arm.Error{{Code: "ValidationError", Target: target, Message: message}})
}

func notFound(r *http.Request) *fault {
	return newFault(http.StatusNotFound, "ResourceNotFound", "There is no "+r.Method+" "+r.URL.Path+" here.", "", nil)
}

func notAllowed(r *http.Request) *fault {
	return newFault(http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method+" is not supported here.", "", nil)
}

// faultOf tells what came of a change.
func faultOf(err error) *fault {
	var f *fault
	var r *Refused
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return f
	case errors.As(err, &r):
		out := newFault(http.StatusBadRequest, "ValidationError", "One or more fields contain incorrect values: "+r.Error(), "", r.Problems)
		if len(r.Problems) > 0 {
			out.Target = r.Problems[0].Target
		}
		return out
	}
	return newFault(http.StatusInternalServerError, "InternalServerError", "The change was not kept: "+err.Error(), "", nil)
}

// properties reads the body of a PUT or PATCH.
func properties(w http.ResponseWriter, r *http.Request) (map[string]any, *fault) {
	var body map[string]any
	if f := readJSON(w, r, maxBody, &body); f != nil {
		return nil, f
	}
	p, ok := lookup(body, "properties").(map[string]any)
	if !ok {
		return nil, invalid("properties", "the body must be an object with an object of properties")
	}
	return p, nil
}

func readJSON(w http.ResponseWriter, r *http.Request, limit int64, v any) *fault {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return newFault(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The body is larger than "+strconv.FormatInt(limit, 10)+" bytes.", "", nil)
	}
	if err != nil {
		return newFault(http.StatusBadRequest, "InvalidRequestContent", "The body could not be read: "+err.Error(), "", nil)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return newFault(http.StatusBadRequest, "InvalidRequestContent", "The request content was invalid and could not be deserialized: "+err.Error(), "", nil)
	}
	return nil
}

// lookup finds a member without regard to letter case.
func lookup(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// page is how much of a list is wanted.
type page struct{ top, skip int }

const maxPage = 1000

func pageOf(r *http.Request) (page, *fault) {
	p := page{top: maxPage}
	for name, to := range map[string]*int{"$top": &p.top, "$skip": &p.skip} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || (name == "$top" && n < 1) {
			return p, invalid(name, name+" must be a whole number, from 1 for $top and from 0 for $skip")
		}
		*to = n
	}
	p.top = min(p.top, maxPage)
	return p, nil
}

// writeList writes one page of a list, with a link to the next.
func writeList(w http.ResponseWriter, q *request, all []map[string]any, p page) {
	from := min(p.skip, len(all))
	to := min(from+p.top, len(all))
	out := map[string]any{"value": append([]map[string]any{}, all[from:to]...), "count": len(all)}
	if to < len(all) {
		query := url.Values{}
		for name, values := range q.URL.Query() {
			query[name] = values
		}
		query.Set("$skip", strconv.Itoa(to))
		out["nextLink"] = q.base + q.URL.EscapedPath() + "?" + query.Encode()
	}
	api.WriteJSON(w, http.StatusOK, out)
}

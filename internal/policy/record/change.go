package record

import (
	"slices"
	"strconv"
)

// Change is one difference between two states. Old or New is nil where there
// was nothing.
type Change struct {
	What string  `json:"what"` // e.g. variable plan, request header Accept, response body
	Old  *string `json:"old"`
	New  *string `json:"new"`
}

// Changes is what a statement changed; nil when its states were not kept.
func (r *Recording) Changes(s *Step) []Change {
	before, after := r.at(s.Before), r.at(s.After)
	if before == nil || after == nil || s.Before == s.After {
		return nil
	}
	return Changes(before, after)
}

// Changes compares two states.
func Changes(before, after *State) []Change {
	var d differ
	d.variables(before.Variables, after.Variables)
	d.text("target", before.Target, after.Target)
	d.message("request", &before.Request, &after.Request)
	empty := Message{}
	old, now := before.Response, after.Response
	if old == nil {
		old = &empty
	}
	if now == nil {
		now = &empty
	}
	d.message("response", old, now)
	d.failure(before.LastError, after.LastError)
	return d
}

type differ []Change

func (d *differ) add(what string, old, now *string) { *d = append(*d, Change{what, old, now}) }

func (d *differ) text(what, old, now string) {
	if old == now {
		return
	}
	c := Change{What: what}
	if old != "" {
		c.Old = &old
	}
	if now != "" {
		c.New = &now
	}
	*d = append(*d, c)
}

func (d *differ) variables(before, after []Variable) {
	for i := range after {
		v := &after[i]
		j := slices.IndexFunc(before, func(o Variable) bool { return o.Name == v.Name })
		now := v.text()
		switch {
		case j < 0:
			d.add("variable "+v.Name, nil, &now)
		case before[j] != *v:
			old := before[j].text()
			d.add("variable "+v.Name, &old, &now)
		}
	}
	for i := range before {
		v := &before[i]
		if !slices.ContainsFunc(after, func(o Variable) bool { return o.Name == v.Name }) {
			old := v.text()
			d.add("variable "+v.Name, &old, nil)
		}
	}
}

func (v *Variable) text() string {
	out := v.Value
	if v.Cut {
		out += "..."
	}
	if v.Type != "System.String" && v.Type != "null" {
		out += " (" + v.Type + ")"
	}
	return out
}

func (d *differ) message(what string, old, now *Message) {
	d.text(what+" method", old.Method, now.Method)
	d.text(what+" URL", old.URL, now.URL)
	d.text(what+" status", old.status(), now.status())
	d.headers(what, old.Headers, now.Headers)
	if old.Body != now.Body {
		d.text(what+" body", old.Body.text(), now.Body.text())
	}
}

func (m *Message) status() string {
	if m.Status == 0 {
		return ""
	}
	out := strconv.Itoa(m.Status)
	if m.Reason != "" {
		out += " " + m.Reason
	}
	return out
}

func (b *Body) text() string {
	switch b.State {
	case "", "none":
		return ""
	case "text":
		if b.Cut {
			return b.Text + "..."
		}
		return b.Text
	case "consumed":
		return "(consumed)"
	}
	if b.Size < 0 {
		return "(" + b.State + ")"
	}
	return "(" + b.State + ", " + strconv.FormatInt(b.Size, 10) + " bytes)"
}

// headers compares fields by name; both lists are sorted.
func (d *differ) headers(what string, before, after []Header) {
	old, now := byName(before), byName(after)
	for _, h := range names(before, after) {
		a, hadOld := old[h]
		b, hasNew := now[h]
		switch {
		case !hadOld:
			d.add(what+" header "+h, nil, &b)
		case !hasNew:
			d.add(what+" header "+h, &a, nil)
		case a != b:
			d.add(what+" header "+h, &a, &b)
		}
	}
}

func byName(list []Header) map[string]string {
	out := make(map[string]string, len(list))
	for _, h := range list {
		if old, ok := out[h.Name]; ok {
			out[h.Name] = old + ", " + h.Value
		} else {
			out[h.Name] = h.Value
		}
	}
	return out
}

func names(lists ...[]Header) []string {
	var out []string
	for _, list := range lists {
		for _, h := range list {
			out = append(out, h.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (d *differ) failure(old, now *Failure) {
	text := func(f *Failure) string {
		if f == nil {
			return ""
		}
		return f.Source + ": " + f.Reason + ": " + f.Message
	}
	d.text("last error", text(old), text(now))
}

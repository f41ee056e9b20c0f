package apiops

import (
	"regexp"
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

func (l *loader) namedValues() {
	for _, id := range l.files.children("named values/") {
		n, ok := l.info("namedValues", id, "named values/"+id+"/namedValueInformation.json")
		if !ok {
			continue
		}
		v := &apim.NamedValue{ID: id, Name: l.str(n, "displayName"), Value: l.str(n, "value"), Secret: l.boolean(n, false, "secret"), Tags: l.strings(n, "tags")}
		if v.Name == "" {
			v.Name = id
		}
		known := n.get("value").kind != null
		fromVault := n.get("keyVault").kind == object
		v.Secret = v.Secret || fromVault
		variable := "GATEHOUSE_NAMED_VALUE_" + environmentName(v.Name)
		if value, ok := l.options.LookupEnv(variable); ok && !l.files.laid("named values/"+id+"/namedValueInformation.json") {
			v.Value, known = value, true
		}
		if _, twice := l.values[fold(v.Name)]; twice {
			l.fail(n.get("displayName").at, "another named value has the displayName %q", clip(v.Name))
		}
		l.service.NamedValues = append(l.service.NamedValues, v)
		if known {
			l.values[fold(v.Name)] = v.Value
		} else {
			l.noValue(n, v, variable, fromVault)
		}
	}
}

// noValue is fatal only when a document needs the value: a policy without its
// secret must not be served.
func (l *loader) noValue(n *node, v *apim.NamedValue, variable string, fromVault bool) {
	why := "has no value"
	if fromVault {
		why = "refers to a key vault, which is not read, and has no value"
	}
	l.missing = append(l.missing, missingValue{value: v, at: n.at, text: why + "; set the environment variable " + variable + " or give it a value in the overrides"})
}

type missingValue struct {
	value *apim.NamedValue
	at    apim.Position
	text  string
}

var notVariable = regexp.MustCompile(`[^A-Z0-9]`)

func environmentName(name string) string {
	return notVariable.ReplaceAllString(strings.ToUpper(name), "_")
}

var reference = regexp.MustCompile(`\{\{\s*([A-Za-z0-9._-]+)\s*\}\}`)

// resolve puts named values into a property of a backend or logger.
func (l *loader) resolve(at *node, s string) string {
	if !strings.Contains(s, "{{") {
		return s
	}
	return reference.ReplaceAllStringFunc(s, func(m string) string {
		name := fold(reference.FindStringSubmatch(m)[1])
		value, ok := l.values[name]
		if !ok && !l.demand(name) {
			l.fail(at.at, "refers to the named value %s, which does not exist", m)
		}
		return value
	})
}

// demand notes that a named value without a value is needed; false when there
// is no such named value.
func (l *loader) demand(name string) bool {
	i := slices.IndexFunc(l.missing, func(m missingValue) bool { return fold(m.value.Name) == name })
	if i < 0 {
		return false
	}
	l.demanded = append(l.demanded, name)
	return true
}

func (l *loader) checkNamedValues() {
	if len(l.missing) == 0 {
		return
	}
	for _, d := range l.documents {
		for _, m := range reference.FindAllStringSubmatch(d.Text, -1) {
			l.demand(fold(m[1]))
		}
	}
	for _, m := range l.missing {
		if slices.Contains(l.demanded, fold(m.value.Name)) {
			l.fail(m.at, "the named value %q %s", m.value.Name, m.text)
		} else {
			l.warn("namedValues/"+m.value.ID, "%s (nothing refers to it)", m.text)
		}
	}
}

func (l *loader) fragments() {
	for _, id := range l.files.children("policy fragments/") {
		folder := "policy fragments/" + id + "/"
		n, ok := l.info("policyFragments", id, folder+"policyFragmentInformation.json")
		if !ok {
			n = &node{at: apim.Position{File: folder, Line: 1, Column: 1}}
		}
		f := &apim.PolicyFragment{ID: id, Description: l.str(n, "description")}
		if d := l.document(folder + "policy.xml"); d != nil {
			f.Document = *d
		} else if v := n.get("value"); v.kind == text {
			f.Document = apim.Document{File: v.at.File, Text: v.text}
			l.documents = append(l.documents, &f.Document)
		} else {
			l.fail(n.at, "the policy fragment has no policy.xml")
		}
		l.service.Fragments = append(l.service.Fragments, f)
	}
}

package management

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

// loggers are the destinations of diagnostics.
func loggers() *kind {
	return &kind{
		name: "loggers", prepare: prepareLogger, removed: removeCredentials,
		list: func(s *apim.Service, _ *apim.API) []entity {
			var out []entity
			for _, g := range s.Loggers {
				out = append(out, loggerEntity(g))
			}
			return out
		},
		fields: map[string]string{"name": "", "description": "description", "resourceId": "resourceId", "loggerType": "loggerType"},
	}
}

func loggerEntity(g *apim.Logger) entity {
	p := map[string]any{"loggerType": g.Type, "isBuffered": g.IsBuffered}
	if g.Description != "" {
		p["description"] = g.Description
	}
	if g.ResourceID != "" {
		p["resourceId"] = g.ResourceID
	}
	shown := map[string]any{}
	var secrets []string
	for _, name := range slices.Sorted(maps.Keys(g.Credentials)) {
		shown[name] = g.Credentials[name]
		if isSecret(name) {
			shown[name] = referenceOf(g, name)
			secrets = append(secrets, g.Credentials[name])
		}
	}
	if len(shown) > 0 {
		p["credentials"] = shown
	}
	return entity{id: g.ID, properties: p, secrets: secrets}
}

// generated is how Azure calls the named values that it makes of credentials.
const generated = "Logger-Credentials--"

// open credentials are shown as they are.
var open = []string{apim.LoggerIdentity, "name", "endpointAddress"}

func isSecret(credential string) bool {
	return !slices.ContainsFunc(open, func(s string) bool { return strings.EqualFold(s, credential) })
}

// referenceOf is the named value that a credential is shown as. One that stands
// in the folder as it is has none, and is shown as if it had.
func referenceOf(g *apim.Logger, credential string) string {
	if ref := g.References[credential]; strings.HasPrefix(ref, "{{") && strings.HasSuffix(ref, "}}") && strings.Count(ref, "{{") == 1 {
		return ref
	}
	return "{{" + generated + g.ID + "-" + credential + "}}"
}

// prepareLogger makes named values of credentials, as Azure does. A credential
// that is sent back as it was shown stays what it is.
func prepareLogger(_ *Handler, next written, e, old *entity, q *request) *fault {
	credentials, isObject := lookup(e.properties, "credentials").(map[string]any)
	if v := lookup(e.properties, "credentials"); v != nil && !isObject {
		return invalid("credentials", "credentials must be an object")
	}
	var current *apim.Logger
	for _, g := range q.service.Loggers {
		if old != nil && strings.EqualFold(g.ID, old.id) {
			current = g
		}
	}
	kept := map[string]any{}
	for name, v := range credentials {
		value, ok := v.(string)
		if !ok {
			return invalid("credentials."+name, "must be a text")
		}
		if !isSecret(name) {
			kept[name] = value
			continue
		}
		reference, f := keepCredential(next, q.service, current, name, value)
		if f != nil {
			return f
		}
		kept[name] = reference
	}
	e.properties = maps.Clone(e.properties)
	for name := range e.properties {
		if strings.EqualFold(name, "credentials") {
			delete(e.properties, name)
		}
	}
	if len(kept) > 0 {
		e.properties["credentials"] = kept
	}
	dropCredentials(next, e.path, kept)
	return nil
}

// keepCredential gives the named value that holds a credential.
func keepCredential(next written, s *apim.Service, current *apim.Logger, name, value string) (string, *fault) {
	shown := ""
	if current != nil && current.Credentials[name] != "" {
		shown = referenceOf(current, name)
	}
	switch {
	case value == shown && current.References[name] == shown:
		return shown, nil // as it is
	case value == shown && shown != "":
		value = current.Credentials[name] // of the folder: taken over
	case strings.Contains(value, "{{"):
		if missing := missingReference(value, s, next); missing != "" {
			return "", invalid("credentials."+name, "there is no named value "+missing)
		}
		return value, nil
	}
	// A new value in place keeps its named value.
	id := strings.TrimSuffix(strings.TrimPrefix(shown, "{{"), "}}")
	if _, own := next.key("namedValues/" + id); !own || !strings.HasPrefix(id, generated) {
		var random [12]byte
		if _, err := rand.Read(random[:]); err != nil {
			return "", faultOf(err)
		}
		id = generated + hex.EncodeToString(random[:])
	}
	if err := next.put("namedValues/"+id, map[string]any{"displayName": id, "value": value, "secret": true}); err != nil {
		return "", faultOf(err)
	}
	return "{{" + id + "}}", nil
}

// missingReference is a named value of a text that neither the service has nor
// what is about to be written.
func missingReference(text string, s *apim.Service, next written) string {
	for _, part := range strings.Split(text, "{{")[1:] {
		name, _, closed := strings.Cut(part, "}}")
		name = strings.TrimSpace(name)
		known := slices.ContainsFunc(s.NamedValues, func(v *apim.NamedValue) bool { return strings.EqualFold(v.Name, name) }) || next.named(name)
		if !closed || !known {
			return "{{" + name + "}}"
		}
	}
	return ""
}

// removeCredentials takes out the named values that were made for a logger.
func removeCredentials(next written, path string) { dropCredentials(next, path, nil) }

// dropCredentials takes out generated named values that no logger refers to,
// now that the one at path has the given credentials.
func dropCredentials(next written, path string, kept map[string]any) {
	used := map[string]bool{}
	note := func(credentials map[string]any) {
		for _, v := range credentials {
			if text, ok := v.(string); ok {
				used[strings.ToLower(strings.Trim(text, "{}"))] = true
			}
		}
	}
	note(kept)
	for name := range next {
		if strings.HasPrefix(strings.ToLower(name), "loggers/") && !strings.EqualFold(name, path) {
			credentials, _ := lookup(next.properties(name), "credentials").(map[string]any)
			note(credentials)
		}
	}
	for name := range next {
		if id, ok := strings.CutPrefix(name, "namedValues/"); ok && strings.HasPrefix(id, generated) && !used[strings.ToLower(id)] {
			delete(next, name)
		}
	}
}

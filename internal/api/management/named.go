package management

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/apim"
)

// namedValues are what credentials and policies refer to as {{name}}.
func namedValues() *kind {
	return &kind{
		name: "namedValues", prepare: prepareNamedValue,
		list: func(s *apim.Service, _ *apim.API) []entity {
			var out []entity
			for _, v := range s.NamedValues {
				p := map[string]any{"displayName": v.Name, "secret": v.Secret, "tags": append([]string{}, v.Tags...)}
				if !v.Secret {
					p["value"] = v.Value
				}
				out = append(out, entity{id: v.ID, properties: p, secrets: []string{v.Value}})
			}
			return out
		},
		secret: func(e *entity) string { return e.secrets[0] },
		fields: map[string]string{"name": "", "displayName": "displayName"},
	}
}

var displayName = regexp.MustCompile(`^[A-Za-z0-9-._]{1,256}$`)

const (
	maxValue     = 4096
	maxValueTags = 32
)

// prepareNamedValue checks Azure's limits. A value that is not sent stays: it
// is not shown, so that who changes the rest cannot send it.
func prepareNamedValue(_ *Handler, next written, e, old *entity, _ *request) *fault {
	name, _ := lookup(e.properties, "displayName").(string)
	if !displayName.MatchString(name) {
		return invalid("displayName", "displayName is required: 1 to 256 letters, digits, dots, dashes and underscores")
	}
	v := lookup(e.properties, "value")
	value, ok := v.(string)
	switch {
	case v == nil && old != nil:
		e.properties["value"] = old.secrets[0]
	case v == nil && lookup(e.properties, "keyVault") != nil:
		return invalid("keyVault", "key vaults are not read here: send the value")
	case !ok || strings.TrimSpace(value) == "" || utf8.RuneCountInString(value) > maxValue:
		return invalid("value", "value is required: a text of 1 to 4096 characters")
	}
	if tags, _ := lookup(e.properties, "tags").([]any); len(tags) > maxValueTags {
		return invalid("tags", "at most 32 tags")
	}
	return nil
}

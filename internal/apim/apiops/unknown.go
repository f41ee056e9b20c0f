package apiops

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

// ignored are artifacts that Azure keeps and that mean nothing to a gateway.
var ignored = regexp.MustCompile(`^(?:apis/[^/]+/(?:releases|schemas|wikis?|issues|resolvers|tagdescriptions)/.*` +
	`|gateways/.*|groups/.*|products/[^/]+/wikis?/.*|authorization servers/.*|openid connect providers/.*` +
	`|configuration[^/]*\.ya?ml|(?:.*/)?[^/]*\.(?:md|txt)|(?:.*/)?(?:license|codeowners))$`)

// notServed are artifacts that would change what a gateway does.
var notServed = regexp.MustCompile(`^(workspaces|caches|documentation|graphql resolvers)/`)

// unknownFiles warns of files that no reader asked for: often a typing error in a name.
func (l *loader) unknownFiles() {
	var unknown []string
	skipped := map[string]bool{}
	for key, e := range l.files.files {
		switch m := notServed.FindStringSubmatch(key); {
		case e.used || ignored.MatchString(key):
		case m != nil:
			skipped[m[1]] = true
		default:
			unknown = append(unknown, e.path)
		}
	}
	for name := range skipped {
		l.warn(name, "the folder %q is not served", name)
	}
	slices.Sort(unknown)
	for i, name := range unknown {
		if i == 50 {
			l.warn(".", "%d more files are not part of the layout and are ignored", len(unknown)-i)
			break
		}
		l.warn(strings.TrimSuffix(path.Dir(name), "/"), "%s is not part of the layout and is ignored", name)
	}
	slices.SortStableFunc(l.service.Warnings, func(a, b apim.Warning) int { return strings.Compare(a.Resource, b.Resource) })
}

package apiops

import (
	"slices"
	"strings"
)

// tags attaches the service's tags, by their display name, to APIs and products.
func (l *loader) tags() {
	names := map[string]string{}
	for _, id := range l.files.children("tags/") {
		folder := "tags/" + id + "/"
		names[fold(id)] = id
		if n, ok := l.info("tags", id, folder+"tagInformation.json"); ok && n.get("displayName").text != "" {
			names[fold(id)] = l.str(n, "displayName")
		}
		l.tagAPIs(folder, names[fold(id)])
		l.tagProducts(folder, names[fold(id)])
	}
	for _, a := range l.service.APIs {
		a.Tags = l.tagNames(a.Tags, names, "apis/"+a.ID)
		for _, op := range a.Operations {
			op.Tags = l.tagNames(op.Tags, names, "apis/"+a.ID+"/operations/"+op.ID)
		}
	}
	for _, p := range l.service.Products {
		p.Tags = l.tagNames(p.Tags, names, "products/"+p.ID)
	}
}

// tagAPIs tags all revisions of an API, or the one that ";rev=N" names.
func (l *loader) tagAPIs(folder, tag string) {
	for _, ref := range l.references(folder, "apis", "tagApiInformation.json") {
		id, revision, one := strings.Cut(ref.name, ";rev=")
		found := false
		for _, a := range l.service.APIs {
			if strings.EqualFold(a.ID, id) && (!one || a.Revision == revision) {
				a.Tags, found = append(a.Tags, ownTag+tag), true
			}
		}
		if !found {
			l.fail(ref.at, "the tag refers to the API %q, which does not exist", clip(ref.name))
		}
	}
}

func (l *loader) tagProducts(folder, tag string) {
	for _, ref := range l.references(folder, "products", "tagProductInformation.json") {
		found := false
		for _, p := range l.service.Products {
			if strings.EqualFold(p.ID, ref.name) {
				p.Tags, found = append(p.Tags, ownTag+tag), true
			}
		}
		if !found {
			l.fail(ref.at, "the tag refers to the product %q, which does not exist", clip(ref.name))
		}
	}
}

// ownTag marks a name that is resolved already; it cannot stand in a folder's name.
const ownTag = "\x00"

// ownTags lists the tags that a resource names in its own folder, by id.
func (l *loader) ownTags(folder string) []string {
	out := l.files.children(folder)
	l.files.useBelow(folder)
	return out
}

// tagNames turns ids into display names and drops doubles.
func (l *loader) tagNames(tags []string, names map[string]string, resource string) []string {
	var out []string
	for _, t := range tags {
		name, resolved := strings.CutPrefix(t, ownTag)
		if !resolved {
			known, ok := names[fold(t)]
			if !ok {
				l.warn(resource, "has the tag %q, which the folder does not declare", clip(t))
				known = t
			}
			name = known
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

package apiops

import (
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

func (l *loader) products() {
	for _, id := range l.files.children("products/") {
		folder := "products/" + id + "/"
		n, ok := l.info("products", id, folder+"productInformation.json")
		if !ok {
			if !l.files.has(folder + "productInformation.json") {
				l.fail(apim.Position{File: folder, Line: 1, Column: 1}, "the product has no productInformation.json")
			}
			continue
		}
		p := &apim.Product{
			ID: id, Name: l.str(n, "displayName"), Published: l.enum(n, "notPublished", []string{"published", "notPublished"}, "state") == "published",
			SubscriptionRequired: l.boolean(n, true, "subscriptionRequired"), ApprovalRequired: l.boolean(n, false, "approvalRequired"),
			SubscriptionLimit: l.integer(n, 0, 0, 1<<30, "subscriptionsLimit"), Policy: l.document(folder + "policy.xml"), Tags: l.ownTags(folder + "tags/"),
		}
		if p.Name == "" {
			p.Name = id
		}
		for _, ref := range l.references(folder, "apis", "productApiInformation.json") {
			if api := l.findAPI(ref.name); api != "" && !slices.Contains(p.APIs, api) {
				p.APIs = append(p.APIs, api)
			} else if api == "" {
				l.fail(ref.at, "the product refers to the API %q, which does not exist", clip(ref.name))
			}
		}
		for _, ref := range l.references(folder, "groups", "productGroupInformation.json") {
			p.Groups = append(p.Groups, ref.name)
		}
		l.service.Products = append(l.service.Products, p)
	}
}

// named is a reference by name and where it stands.
type named struct {
	name string
	at   apim.Position
}

// references reads what a resource is linked with: one sub-folder each
// (products/p/apis/a/...), or the list of older artifacts (products/p/apis.json).
func (l *loader) references(folder, kind, file string) []named {
	var out []named
	for _, name := range l.files.children(folder + kind + "/") {
		path := folder + kind + "/" + name + "/" + file
		l.files.use(path)
		out = append(out, named{name, apim.Position{File: path, Line: 1, Column: 1}})
	}
	data, path, ok := l.read(folder + kind + ".json")
	if !ok {
		return out
	}
	n, problem := parseJSON(data, path)
	if problem != nil {
		l.problems = l.problems.add(*problem)
		return out
	}
	for _, item := range n.list {
		name := item
		if item.kind == object {
			name = item.get("name")
		}
		out = append(out, named{l.str(name), name.at})
	}
	return out
}

// findAPI gives the id of an API in the spelling of its folder, "" when there
// is none. All revisions share the id.
func (l *loader) findAPI(name string) string {
	name, _, _ = strings.Cut(name, ";rev=")
	for _, a := range l.service.APIs {
		if strings.EqualFold(a.ID, name) {
			return a.ID
		}
	}
	return ""
}

func (l *loader) findProduct(name string) string {
	for _, p := range l.service.Products {
		if strings.EqualFold(p.ID, name) {
			return p.ID
		}
	}
	return ""
}

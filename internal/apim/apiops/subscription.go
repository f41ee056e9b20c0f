package apiops

import (
	"strings"

	"gatehouse/internal/apim"
)

var subscriptionStates = []string{"active", "suspended", "submitted", "rejected", "cancelled", "expired"}

func (l *loader) subscriptions() {
	for _, id := range l.files.children("subscriptions/") {
		n, ok := l.info("subscriptions", id, "subscriptions/"+id+"/subscriptionInformation.json")
		if !ok {
			continue
		}
		s := &apim.Subscription{
			ID: id, Name: l.str(n, "displayName"), Scope: l.scope(n), State: l.enum(n, apim.SubscriptionActive, subscriptionStates, "state"),
			Owner: lastSegment(l.str(n, "ownerId")), AllowTracing: l.boolean(n, false, "allowTracing"),
			PrimaryKey: l.key(n, "primaryKey"), SecondaryKey: l.key(n, "secondaryKey"),
			CreatedDate: l.date(n, "createdDate"), StartDate: l.date(n, "startDate"), EndDate: l.date(n, "endDate"),
		}
		if s.Name == "" {
			s.Name = id
		}
		l.service.Subscriptions = append(l.service.Subscriptions, s)
	}
}

// key reads a subscription key; a key may come from a named value.
func (l *loader) key(n *node, name string) string {
	v := n.get(name)
	key := l.resolve(v, l.str(n, name))
	if len(key) > 256 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		l.fail(v.at, "%s must be at most 256 visible ASCII characters", name)
	}
	return key
}

// scope normalises "/products/x", "/apis/x", "/apis" and whole ARM ids.
func (l *loader) scope(n *node) string {
	v := n.get("scope")
	ref := strings.Trim(v.text, "/")
	lower := fold(ref)
	if i := strings.LastIndex(lower, "/service/"); i >= 0 {
		_, rest, _ := strings.Cut(ref[i+len("/service/"):], "/")
		if ref = rest; ref == "" {
			return "/apis"
		}
	}
	kind, name, _ := strings.Cut(ref, "/")
	switch {
	case strings.EqualFold(kind, "apis") && name == "":
		return "/apis"
	case strings.EqualFold(kind, "apis"):
		if id := l.findAPI(name); id != "" {
			return "/apis/" + id
		}
		l.fail(v.at, "the scope refers to the API %q, which does not exist", clip(name))
	case strings.EqualFold(kind, "products") && name != "":
		if id := l.findProduct(name); id != "" {
			return "/products/" + id
		}
		l.fail(v.at, "the scope refers to the product %q, which does not exist", clip(name))
	default:
		l.fail(v.at, `the scope is %q; it must be "/products/NAME", "/apis/NAME" or "/apis"`, clip(v.text))
	}
	return ""
}

func (l *loader) users() {
	byID := map[string]*apim.User{}
	for _, id := range l.files.children("users/") {
		n, ok := l.info("users", id, "users/"+id+"/userInformation.json")
		if !ok {
			continue
		}
		u := &apim.User{ID: id, FirstName: l.str(n, "firstName"), LastName: l.str(n, "lastName"), Email: l.str(n, "email"), Note: l.str(n, "note")}
		for _, g := range l.list(n, "groups") {
			name := g.text
			if g.kind == object {
				name = g.get("name").text
			}
			u.Groups = append(u.Groups, lastSegment(name))
		}
		byID[fold(id)] = u
		l.service.Users = append(l.service.Users, u)
	}
	for _, group := range l.files.children("groups/") {
		l.files.use("groups/" + group + "/groupInformation.json")
		for _, ref := range l.references("groups/"+group+"/", "users", "groupUserInformation.json") {
			if u := byID[fold(ref.name)]; u != nil {
				u.Groups = append(u.Groups, group)
			} else {
				l.fail(ref.at, "the group refers to the user %q, who does not exist", clip(ref.name))
			}
		}
	}
}

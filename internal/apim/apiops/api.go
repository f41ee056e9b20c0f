package apiops

import (
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/apim"
)

func (l *loader) versionSets() {
	for _, id := range l.files.children("version sets/") {
		n, ok := l.info("versionSets", id, "version sets/"+id+"/versionSetInformation.json")
		if !ok {
			continue
		}
		v := &apim.VersionSet{
			ID: id, Name: l.str(n, "displayName"), Scheme: l.enum(n, "Segment", []string{"Segment", "Header", "Query"}, "versioningScheme"),
			Header: l.str(n, "versionHeaderName"), Query: l.str(n, "versionQueryName"),
		}
		if v.Scheme == "Header" && v.Header == "" || v.Scheme == "Query" && v.Query == "" {
			l.fail(n.at, "the version set uses the scheme %s without its name (versionHeaderName or versionQueryName)", v.Scheme)
		}
		l.service.VersionSets = append(l.service.VersionSets, v)
	}
}

// revision is an API with what is only needed while loading.
type revision struct {
	api     *apim.API
	node    *node
	folder  string // "apis/x;rev=2/"
	claimed bool   // isCurrent is written in the file
}

func (l *loader) apis() {
	var all []*revision
	for _, name := range l.files.children("apis/") {
		folder := "apis/" + name + "/"
		if older := l.olderAPIs(folder); len(older) > 0 {
			all = append(all, older...)
			continue
		}
		n, ok := l.info("apis", name, folder+"apiInformation.json")
		if !ok {
			if !l.files.has(folder + "apiInformation.json") {
				l.fail(apim.Position{File: folder, Line: 1, Column: 1}, "the API has no apiInformation.json")
			}
			continue
		}
		all = append(all, l.api(name, folder, n))
	}
	l.chooseCurrent(all)
	slices.SortStableFunc(all, func(a, b *revision) int {
		if c := strings.Compare(fold(a.api.ID), fold(b.api.ID)); c != 0 {
			return c
		}
		x, _ := strconv.Atoi(a.api.Revision)
		y, _ := strconv.Atoi(b.api.Revision)
		return x - y
	})
	for _, r := range all {
		l.service.APIs = append(l.service.APIs, r.api)
	}
	l.checkTools()
}

// olderAPIs are the revisions below a folder of the layout that extracts had
// before 2023: apis/DISPLAY NAME/VERSION/REVISION/, where the id stands in the file.
func (l *loader) olderAPIs(folder string) (all []*revision) {
	for _, version := range l.files.children(folder) {
		for _, number := range l.files.children(folder + version + "/") {
			below := folder + version + "/" + number + "/"
			file, ok := l.json(below + "apiInformation.json")
			if !ok {
				continue
			}
			name := l.str(file, "name")
			if name == "" {
				l.fail(file.at, "the API has no name; in this layout (apis/DISPLAY NAME/VERSION/REVISION) its id stands here")
				continue
			}
			if n, ok := l.info("apis", name, below+"apiInformation.json"); ok {
				all = append(all, l.api(name, below, n))
			}
		}
	}
	return all
}

func (l *loader) api(name, folder string, n *node) *revision {
	id, suffix, revised := strings.Cut(name, ";rev=")
	a := &apim.API{
		ID: id, Name: l.str(n, "displayName"), Path: strings.Trim(l.str(n, "path"), "/"), Revision: l.str(n, "apiRevision"),
		IsCurrent: l.boolean(n, !revised, "isCurrent"), Version: l.str(n, "apiVersion"), Type: l.apiType(n),
		ServiceURL: strings.TrimRight(l.absoluteURL(n, "serviceUrl"), "/"), SubscriptionRequired: l.boolean(n, true, "subscriptionRequired"),
		SubscriptionKeyHeader: l.str(n, "subscriptionKeyParameterNames", "header"), SubscriptionKeyQuery: l.str(n, "subscriptionKeyParameterNames", "query"),
	}
	if a.Revision == "" {
		a.Revision = suffix
	}
	if a.Revision == "" {
		a.Revision = "1"
	}
	if revised && suffix != a.Revision {
		l.fail(n.get("apiRevision").at, "apiRevision is %q, but the folder says revision %q", clip(a.Revision), clip(suffix))
	}
	if a.Name == "" {
		a.Name = id
	}
	for _, p := range l.list(n, "protocols") {
		word := &node{kind: object, at: p.at, members: []member{{"protocol", p}}}
		a.Protocols = append(a.Protocols, l.enum(word, "", []string{"http", "https", "ws", "wss"}, "protocol"))
	}
	a.VersionSet = l.versionSetOf(n)
	l.operations(a, folder, n)
	a.Policy = l.document(folder + "policy.xml")
	a.Diagnostics = l.diagnostics(name, folder+"diagnostics/")
	return &revision{api: a, node: n, folder: folder, claimed: n.get("isCurrent").kind != null}
}

// apiType warns of the types that are kept but not served.
func (l *loader) apiType(n *node) string {
	t := fold(l.str(n, "type"))
	if t == "" {
		t = fold(l.str(n, "apiType"))
	}
	if t == "" {
		return apim.TypeHTTP
	}
	known := []string{apim.TypeHTTP, apim.TypeSOAP, apim.TypeGraphQL, apim.TypeWebSocket, typeOData, apim.TypeGRPC, apim.TypeMCP, "a2a"}
	if !slices.Contains(known, t) {
		l.fail(n.get("type").at, "type is %q; it must be one of %s", clip(t), strings.Join(known, ", "))
	}
	return t
}

func (l *loader) versionSetOf(n *node) string {
	ref := n.get("apiVersionSetId")
	if ref.kind == null {
		ref = n.get("apiVersionSet", "id")
	}
	if ref.text == "" {
		return ""
	}
	id := lastSegment(ref.text)
	for _, v := range l.service.VersionSets {
		if strings.EqualFold(v.ID, id) {
			return v.ID
		}
	}
	l.fail(ref.at, "refers to the version set %q, which does not exist", clip(id))
	return ""
}

// chooseCurrent sees to it that each API has one current revision: the one that
// says so, else the folder without ";rev=".
func (l *loader) chooseCurrent(all []*revision) {
	byID := map[string][]*revision{}
	for _, r := range all {
		key := fold(r.api.ID)
		for _, other := range byID[key] {
			if other.api.Revision == r.api.Revision {
				l.fail(r.node.at, "revision %s of the API is also in %s", r.api.Revision, other.folder)
			}
			r.api.ID = other.api.ID
		}
		byID[key] = append(byID[key], r)
	}
	for _, r := range all {
		l.oneCurrent(byID[fold(r.api.ID)], r)
	}
}

func (l *loader) oneCurrent(revisions []*revision, r *revision) {
	claims := 0
	for _, other := range revisions {
		if other.claimed && other.api.IsCurrent {
			claims++
		}
	}
	switch {
	case claims > 0 && !r.claimed:
		r.api.IsCurrent = false
	case claims > 1 && r.api.IsCurrent:
		l.fail(r.node.get("isCurrent").at, "more than one revision of the API is current")
	}
	if r == revisions[0] && !slices.ContainsFunc(revisions, func(o *revision) bool { return o.api.IsCurrent }) {
		l.warn("apis/"+r.api.ID, "has no current revision; only addresses with ;rev=N reach it")
	}
}

package apiops

import (
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

// Resources are resources that were written some other way than into the
// folder: {"properties": {...}} by path below the service, e.g. "loggers/a" or
// "apis/b/diagnostics/applicationinsights". They win over the folder's.
type Resources map[string][]byte

// layered are the files of the kinds that Resources may hold.
var layered = map[string]struct{ folder, file string }{
	"loggers":     {"loggers/", "loggerInformation.json"},
	"diagnostics": {"diagnostics/", "diagnosticInformation.json"},
	"namedvalues": {"named values/", "namedValueInformation.json"},
}

// fileOf is where the folder would keep a resource; api is the API it belongs
// to, "" for the service.
func fileOf(resource string) (folder, file, api string, ok bool) {
	parts := strings.Split(resource, "/")
	if len(parts) == 4 && strings.EqualFold(parts[0], "apis") && strings.EqualFold(parts[2], "diagnostics") {
		api, parts = parts[1], parts[2:]
	}
	kind, ok := layered[fold(parts[0])]
	if len(parts) != 2 || !ok {
		return "", "", "", false
	}
	folder = kind.folder
	if api != "" {
		folder = "apis/" + api + "/" + folder
	}
	return folder, folder + parts[1] + "/" + kind.file, api, true
}

// lay puts the resources over the files. Those of an API that is gone wait for
// its return.
func (l *loader) lay(apis []string) {
	for _, resource := range sortedNames(l.options.Resources) {
		folder, file, api, ok := fileOf(resource)
		if !ok {
			l.warn(resource, "was written over the management API and is of a kind that is not known here: it is not used")
			continue
		}
		if api != "" && !slices.ContainsFunc(apis, func(s string) bool { return strings.EqualFold(s, api) }) {
			l.warn(resource, "was written over the management API, and the service has no API %q any more: it is not used", clip(api))
			continue
		}
		if l.files.has(file) {
			l.warn(resource, "was written over the management API, which wins over the one in the folder")
		}
		l.files.lay(folder, resource, file, l.options.Resources[resource])
	}
}

func sortedNames(r Resources) []string {
	var out []string
	for name := range r {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// lay adds a file that is not on disk, or puts it in the place of one that is.
// Problems with it name the resource.
func (t *tree) lay(folder, resource, file string, data []byte) {
	t.files[fold(file)] = &entry{path: resource, data: data}
	name := resource[strings.LastIndexByte(resource, '/')+1:]
	if !slices.ContainsFunc(t.folders[fold(folder)], func(s string) bool { return strings.EqualFold(s, name) }) {
		t.folders[fold(folder)] = append(t.folders[fold(folder)], name)
	}
}

// laid tells whether a file is one of Resources.
func (t *tree) laid(name string) bool {
	e := t.files[fold(name)]
	return e != nil && e.data != nil
}

// Extend adds Resources to a service that was not read from a folder.
func Extend(s *apim.Service, o Options) error {
	o = o.withDefaults()
	l := &loader{options: o, files: &tree{options: o, files: map[string]*entry{}, folders: map[string][]string{}}, service: s, values: map[string]string{}}
	var apis []string
	for _, a := range s.APIs {
		apis = append(apis, a.ID)
	}
	l.lay(apis)
	l.namedValues()
	l.loggers()
	s.Diagnostics = l.diagnostics("", "diagnostics/")
	for _, a := range s.APIs {
		a.Diagnostics = l.diagnostics(a.ID, "apis/"+a.ID+"/diagnostics/")
	}
	l.checkNamedValues()
	if len(l.problems) > 0 {
		return l.problems
	}
	return nil
}

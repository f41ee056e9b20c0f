// Package apiops reads a service from a folder in the artifact layout of Azure
// APIOps, which users of Azure API Management keep in Git.
//
// What comes in: a folder, and optionally an APIOps configuration file that
// overrides properties for one environment. What goes out: an apim.Service, or
// every problem with its file, line and column. It must never write, follow a
// link out of the folder, fetch anything, or show a secret value in a problem.
package apiops

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"gatehouse/internal/apim"
)

// Options of Load. The zero value is usable.
type Options struct {
	Name      string // service name; else apimServiceName of the overrides, else "gatehouse"
	Region    string // location of the service
	Overrides string // path of an APIOps configuration file, "" for none
	// LookupEnv finds values of named values: GATEHOUSE_NAMED_VALUE_ and the name
	// in upper case, other characters than letters and digits as "_". A value
	// found there wins over the folder's. Default os.LookupEnv.
	LookupEnv  func(string) (string, bool)
	MaxFile    int64 // bytes of one file, default 10 MB
	MaxTotal   int64 // bytes of all files, default 256 MB
	MaxFiles   int   // default 20,000
	MaxCapture int   // bytes of a body that a diagnostic may keep, default and most 64 KiB
	// Resources that were written over the management API.
	Resources Resources
}

func (o Options) withDefaults() Options {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	if o.MaxFile == 0 {
		o.MaxFile = 10 << 20
	}
	if o.MaxTotal == 0 {
		o.MaxTotal = 256 << 20
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = 20_000
	}
	if o.MaxCapture <= 0 || o.MaxCapture > maxCapture {
		o.MaxCapture = maxCapture
	}
	return o
}

// Load reads the folder. Problems with its content come back all at once as
// Problems; what is harmless or not served is in Service.Warnings.
func Load(dir string, o Options) (*apim.Service, error) {
	o = o.withDefaults()
	files, err := openTree(dir, o)
	if err != nil {
		return nil, fmt.Errorf("read service folder %s: %w", dir, err)
	}
	defer files.Close()
	l := &loader{options: o, files: files, service: &apim.Service{Name: o.Name, Region: o.Region}, values: map[string]string{}}
	if err := l.readOverrides(); err != nil {
		return nil, err
	}
	if l.service.Name == "" {
		l.service.Name = "gatehouse"
	}
	l.lay(files.folders["apis/"])
	l.load()
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	return l.service, nil
}

// loader carries what the readers of the resource kinds share.
type loader struct {
	options   Options
	files     *tree
	service   *apim.Service
	overrides map[string]map[string]*override // by kind, lower-case name
	values    map[string]string               // named values by lower-case name
	documents []*apim.Document
	missing   []missingValue  // named values without a value
	demanded  []string        // of these, lower-case names that something refers to
	tools     []toolReference // of MCP servers
	problems  Problems
}

// load reads the kinds in the order of their references.
func (l *loader) load() {
	l.service.Policy = l.document("policy.xml")
	l.namedValues()
	l.fragments()
	l.loggers()
	l.service.Diagnostics = l.diagnostics("", "diagnostics/")
	l.service.Schemas = l.schemas("", "schemas/")
	l.certificates()
	l.backends()
	l.versionSets()
	l.apis()
	l.users()
	l.products()
	l.tags()
	l.subscriptions()
	l.checkNamedValues()
	l.unusedOverrides()
	l.unknownFiles()
}

func (l *loader) fail(at apim.Position, format string, args ...any) {
	l.problems = l.problems.add(Problem{at, fmt.Sprintf(format, args...)})
}

func (l *loader) warn(resource, format string, args ...any) {
	l.service.Warnings = append(l.service.Warnings, apim.Warning{Resource: resource, Message: fmt.Sprintf(format, args...)})
}

// read gives the text of a file; a file that is absent is "", false.
func (l *loader) read(path string) (data []byte, file string, ok bool) {
	data, file, err := l.files.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, path, false
	}
	if err != nil {
		l.fail(apim.Position{File: file, Line: 1, Column: 1}, "cannot be read: %v", err)
		return nil, file, false
	}
	return data, file, true
}

// document reads a policy document, nil when there is none.
func (l *loader) document(path string) *apim.Document {
	data, file, ok := l.read(path)
	if !ok {
		return nil
	}
	d := &apim.Document{File: file, Text: string(trimBOM(data))}
	l.documents = append(l.documents, d)
	return d
}

// info reads the JSON of a resource with its overrides merged, and returns its
// properties. ok is false when there is no readable file.
func (l *loader) info(kind, name, path string) (properties *node, ok bool) {
	n, ok := l.json(path)
	if !ok {
		return nil, false
	}
	// Raw ARM resources and artifacts both wrap what counts in "properties".
	if p := n.get("properties"); p.kind == object {
		n = p
	}
	if o := l.overrides[kind][fold(name)]; o != nil && !l.files.laid(path) {
		o.used = true
		n = merge(n, o.properties)
	}
	return n, true
}

func (l *loader) json(path string) (*node, bool) {
	data, file, ok := l.read(path)
	if !ok {
		return nil, false
	}
	n, err := parseJSON(data, file)
	if err != nil {
		l.problems = l.problems.add(*err)
		return nil, false
	}
	if n.kind != object {
		l.fail(n.at, "must hold a JSON object")
		return nil, false
	}
	return n, true
}

package telemetry

import (
	"fmt"
	"strings"
)

// DefaultWorkspace is how people write the name of the default workspace, whose
// Name is "".
const DefaultWorkspace = "default"

// Workspaces finds a workspace by each of its names. Immutable.
type Workspaces struct {
	all         []Workspace
	name        map[string]*Workspace
	key         map[string]*Workspace
	application map[string]*Workspace
	resource    map[string]*Workspace
}

// NewWorkspaces makes the look-up of all workspaces of a process. The error
// names two of them that could not be told apart.
func NewWorkspaces(list []Workspace) (*Workspaces, error) {
	w := &Workspaces{all: list, name: map[string]*Workspace{}, key: map[string]*Workspace{}, application: map[string]*Workspace{}, resource: map[string]*Workspace{}}
	for i := range list {
		one := &list[i]
		for _, entry := range []struct {
			index map[string]*Workspace
			value string
			what  string
		}{
			{w.name, nameKey(one.Name), "name"},
			{w.key, strings.ToLower(one.InstrumentationKey), "instrumentation key"},
			{w.application, strings.ToLower(one.ApplicationID), "application id"},
			{w.resource, resourceKey(one.ResourceID), "resource id"},
		} {
			if other := entry.index[entry.value]; other != nil {
				return nil, fmt.Errorf("the workspaces %q and %q have the same %s", other.Title(), one.Title(), entry.what)
			}
			entry.index[entry.value] = one
		}
	}
	return w, nil
}

// Title is the name for people: that of the default workspace is "default".
func (w *Workspace) Title() string {
	if w.Name == "" {
		return DefaultWorkspace
	}
	return w.Name
}

// All gives the workspaces, the default one first.
func (w *Workspaces) All() []Workspace { return w.all }

// ByName finds a workspace by its name in any case; "" and "default" are the
// default one.
func (w *Workspaces) ByName(name string) (*Workspace, bool) { return found(w.name[nameKey(name)]) }

// ByKey finds a workspace by its instrumentation key, in any case.
func (w *Workspaces) ByKey(key string) (*Workspace, bool) {
	return found(w.key[strings.ToLower(strings.TrimSpace(key))])
}

// ByApplication finds a workspace by the application id of the query API.
func (w *Workspaces) ByApplication(id string) (*Workspace, bool) {
	return found(w.application[strings.ToLower(id)])
}

// ByResource finds a workspace by its ARM path, in any case and with any number
// of slashes in front. The path of its Log Analytics workspace, which has the
// same name, is understood too.
func (w *Workspaces) ByResource(id string) (*Workspace, bool) {
	return found(w.resource[resourceKey(id)])
}

func found(w *Workspace) (*Workspace, bool) { return w, w != nil }

func nameKey(name string) string {
	if name == "" {
		return DefaultWorkspace
	}
	return strings.ToLower(name)
}

// Providers of an Application Insights resource and of the workspace behind it.
const (
	componentProvider = "/providers/microsoft.insights/components/"
	workspaceProvider = "/providers/microsoft.operationalinsights/workspaces/"
)

func resourceKey(id string) string {
	id = strings.ToLower("/" + strings.Trim(id, "/"))
	return strings.Replace(id, workspaceProvider, componentProvider, 1)
}

package server

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/api"
	"gatehouse/internal/ingest/scrape/configmap"
)

// Rule files and scrape configurations of metric workspaces that are written
// over the API: the catalog keeps them, each as a document.

const (
	maxOwnFile  = 1 << 20
	maxOwnFiles = 100 // rule files of one workspace
	ownPrefix   = "api/"
)

// ownDocument is the beginning of the names of a workspace's documents.
func ownDocument(workspace string) string {
	return "metric-files/" + strings.ToLower(workspace) + "/"
}

// ownFilesOf reads what was written for a workspace: the rule files by name, and
// the scrape configuration, nil when there is none.
func (s *Server) ownFilesOf(w *metricWorkspace) (rules map[string][]byte, scrape []byte, err error) {
	prefix := ownDocument(w.config.Name)
	documents, err := s.catalog.Documents(prefix)
	if err != nil {
		return nil, nil, err
	}
	rules = map[string][]byte{}
	for name, text := range documents {
		name = strings.TrimPrefix(name, prefix)
		if file, ok := strings.CutPrefix(name, "rules/"); ok {
			rules[file] = text
		} else if name == "scrape" {
			scrape = text
		}
	}
	return rules, scrape, nil
}

// removeOwnFiles forgets what was written for a workspace that is deleted.
func (s *Server) removeOwnFiles(workspace string) error {
	documents, err := s.catalog.Documents(ownDocument(workspace))
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		err = errors.Join(err, s.catalog.Remove(name))
	}
	return err
}

// ruleFileName is what a rule file may be called.
var ruleFileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// changeOwn changes the files of the workspace in the path, one change at a time.
func (s *Server) changeOwn(rw http.ResponseWriter, r *http.Request, change func(w *metricWorkspace, text []byte) error) {
	text, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxOwnFile))
	if err != nil {
		s.answerOwn(rw, r, cannot(http.StatusRequestEntityTooLarge, api.CodeInvalid, "the file has more than %d bytes, or was not received whole: split it", maxOwnFile))
		return
	}
	m := &s.metrics
	m.admin.Lock()
	defer m.admin.Unlock()
	w := m.find(r.PathValue("name"))
	switch {
	case m.stopped:
		err = cannot(http.StatusServiceUnavailable, "unavailable", "the process stops")
	case w == nil:
		err = cannot(http.StatusNotFound, api.CodeNotFound, "there is no metric workspace %s", r.PathValue("name"))
	default:
		err = change(w, text)
	}
	s.answerOwn(rw, r, err)
}

func (s *Server) answerOwn(rw http.ResponseWriter, r *http.Request, err error) {
	var known *changeError
	switch {
	case err == nil:
		rw.WriteHeader(http.StatusNoContent)
	case errors.As(err, &known):
		api.WriteError(rw, known.status, api.Error{Code: known.code, Message: known.message})
	default:
		s.log.Error("a file of a metric workspace was not kept", "path", r.URL.Path, "error", err)
		api.WriteError(rw, http.StatusInternalServerError, api.Error{Code: api.CodeInternal, Message: err.Error()})
	}
}

// putRuleFile writes a rule file, in Prometheus's form.
func (s *Server) putRuleFile(rw http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	s.changeOwn(rw, r, func(w *metricWorkspace, text []byte) error {
		if !ruleFileName.MatchString(file) {
			return cannot(http.StatusBadRequest, api.CodeInvalid, "%q is not a name of a rule file: use 1 to 63 letters, digits, dots, hyphens and underscores, the first a letter or digit", file)
		}
		before := w.files.ownFiles()
		if _, there := before[file]; !there && len(before) >= maxOwnFiles {
			return cannot(http.StatusConflict, "limit", "the workspace has %d rule files, the most that there may be: put more groups into each", maxOwnFiles)
		}
		next := maps.Clone(before)
		next[file] = text
		return s.putOwnRules(w, before, next, func() error { return s.catalog.Save(ownDocument(w.config.Name)+"rules/"+file, text) })
	})
}

func (s *Server) deleteRuleFile(rw http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	s.changeOwn(rw, r, func(w *metricWorkspace, _ []byte) error {
		before := w.files.ownFiles()
		if _, there := before[file]; !there {
			return cannot(http.StatusNotFound, api.CodeNotFound, "there is no rule file %s that was written here", file)
		}
		next := maps.Clone(before)
		delete(next, file)
		return s.putOwnRules(w, before, next, func() error { return s.catalog.Remove(ownDocument(w.config.Name) + "rules/" + file) })
	})
}

// putOwnRules puts rule files in force and keeps them; when either fails those
// before stay.
func (s *Server) putOwnRules(w *metricWorkspace, before, next map[string][]byte, keep func() error) error {
	if err := w.files.putOwn(w.rules, next); err != nil {
		return cannot(http.StatusBadRequest, api.CodeInvalid, "%v", err)
	}
	if err := keep(); err != nil {
		return errors.Join(err, w.files.putOwn(w.rules, before))
	}
	return nil
}

// listRuleFiles names the rule files that were written here.
func (s *Server) listRuleFiles(rw http.ResponseWriter, r *http.Request) {
	w := s.metrics.find(r.PathValue("name"))
	if w == nil {
		noSuchWorkspace(rw, r.PathValue("name"))
		return
	}
	out := struct {
		Files []string `json:"files"`
	}{[]string{}}
	out.Files = append(out.Files, slices.Sorted(maps.Keys(w.files.ownFiles()))...)
	api.WriteJSON(rw, http.StatusOK, out)
}

func (s *Server) getRuleFile(rw http.ResponseWriter, r *http.Request) {
	w := s.metrics.find(r.PathValue("name"))
	if w == nil {
		noSuchWorkspace(rw, r.PathValue("name"))
		return
	}
	text, there := w.files.ownFiles()[r.PathValue("file")]
	if !there {
		api.WriteError(rw, http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: "there is no rule file " + r.PathValue("file") + " that was written here"})
		return
	}
	rw.Header().Set("Content-Type", "application/yaml")
	_, _ = rw.Write(text)
}

// putScrape writes the scrape configuration of a workspace, in Prometheus's form
// or as config maps of Azure's agents. As it comes from outside it may name no
// file of this machine.
func (s *Server) putScrape(rw http.ResponseWriter, r *http.Request) {
	s.changeOwn(rw, r, func(w *metricWorkspace, text []byte) error {
		if key := namedFile(text); key != "" {
			return cannot(http.StatusBadRequest, api.CodeInvalid, "the configuration names a file of this machine (%s): write its content, or name the whole configuration in the settings file", key)
		}
		return s.keepScrape(w, text, func() error { return s.catalog.Save(ownDocument(w.config.Name)+"scrape", text) })
	})
}

func (s *Server) deleteScrape(rw http.ResponseWriter, r *http.Request) {
	s.changeOwn(rw, r, func(w *metricWorkspace, _ []byte) error {
		return s.keepScrape(w, nil, func() error { return s.catalog.Remove(ownDocument(w.config.Name) + "scrape") })
	})
}

func (s *Server) keepScrape(w *metricWorkspace, text []byte, keep func() error) error {
	if w.jobs.path != "" {
		return cannot(http.StatusConflict, "from_settings", "the scrape configuration of metric workspace %s is set in the settings file: change it there", w.config.Name)
	}
	before := w.jobs.ownText()
	if err := w.jobs.putOwn(w.scraper, text); err != nil {
		return cannot(http.StatusBadRequest, api.CodeInvalid, "%v", err)
	}
	if err := keep(); err != nil {
		return errors.Join(err, w.jobs.putOwn(w.scraper, before))
	}
	return nil
}

// getScrape shows the scrape configuration in force, without its secrets.
func (s *Server) getScrape(rw http.ResponseWriter, r *http.Request) {
	w := s.metrics.find(r.PathValue("name"))
	if w == nil {
		noSuchWorkspace(rw, r.PathValue("name"))
		return
	}
	c := w.scraper.Config()
	rw.Header().Set("Content-Type", "application/yaml")
	_, _ = io.WriteString(rw, c.String())
}

// namedFile gives the first setting of a configuration that names a file, ""
// when none does. What is no YAML is left to who loads it.
func namedFile(text []byte) string {
	if configmap.Is(text) {
		converted, _, err := configmap.Convert(text)
		if err != nil {
			return ""
		}
		text = converted
	}
	var n yaml.Node
	if yaml.Unmarshal(text, &n) != nil {
		return ""
	}
	return fileKey(&n)
}

func fileKey(n *yaml.Node) string {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if k := child.Value; strings.HasSuffix(k, "_file") || strings.HasSuffix(k, "_files") || k == "file_sd_configs" {
				return fmt.Sprintf("%s in line %d", k, child.Line)
			}
			continue
		}
		if found := fileKey(child); found != "" {
			return found
		}
	}
	return ""
}

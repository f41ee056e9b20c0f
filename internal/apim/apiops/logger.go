package apiops

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/apim"
	"gatehouse/internal/telemetry"
)

func (l *loader) loggers() {
	for _, id := range l.files.children("loggers/") {
		n, ok := l.info("loggers", id, "loggers/"+id+"/loggerInformation.json")
		if !ok {
			continue
		}
		l.resourceID(n, "logger", id, 256)
		g := &apim.Logger{
			ID: id, Type: l.enum(n, apim.LoggerApplicationInsights, []string{apim.LoggerApplicationInsights, apim.LoggerEventHub, apim.LoggerMonitor}, "loggerType"),
			Description: l.str(n, "description"), ResourceID: l.str(n, "resourceId"), IsBuffered: l.boolean(n, true, "isBuffered"),
		}
		for _, m := range n.get("credentials").members {
			if g.Credentials == nil {
				g.Credentials = map[string]string{}
			}
			if raw := l.str(m.value); strings.Contains(raw, "{{") {
				if g.References == nil {
					g.References = map[string]string{}
				}
				g.References[m.name] = raw
			}
			g.Credentials[m.name] = l.loggerCredential(m.value)
		}
		if utf8.RuneCountInString(g.Description) > 256 {
			l.fail(n.get("description").at, "description is longer than 256 characters")
		}
		if g.Type == apim.LoggerApplicationInsights {
			l.checkInsights(g, n.get("credentials"))
		}
		l.service.Loggers = append(l.service.Loggers, g)
	}
}

// loggerCredential resolves a named value. Azure keeps credentials as generated
// named values that an extract leaves out: these stay as they are written.
func (l *loader) loggerCredential(n *node) string {
	s := l.str(n)
	for _, m := range reference.FindAllStringSubmatch(s, -1) {
		if _, ok := l.values[fold(m[1])]; !ok {
			return s
		}
	}
	return l.resolve(n, s)
}

// resourceID checks the id of a resource as Azure does.
func (l *loader) resourceID(n *node, kind, id string, limit int) {
	if utf8.RuneCountInString(id) > limit || strings.ContainsAny(id, "*#&+:<>?") {
		l.fail(n.at, "the %s id %q is not valid: at most %d characters, none of * # & + : < > ?", kind, clip(id), limit)
	}
}

var clientID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// checkInsights checks that credentials have one of the four shapes that Azure
// takes: a key, a connection string, and that with either kind of identity.
// What is left as a named value that the folder does not hold is not looked
// into. Values are never shown.
func (l *loader) checkInsights(g *apim.Logger, n *node) {
	known := func(name string) (string, bool) {
		v := g.Credentials[name]
		return v, v != "" && !strings.Contains(v, "{{")
	}
	for _, m := range n.members {
		if m.name != apim.LoggerKey && m.name != apim.LoggerConnectionString && m.name != apim.LoggerIdentity {
			l.warn("loggers/"+g.ID, "credentials.%s is not used by a logger of the type %s", clip(m.name), g.Type)
		}
	}
	if v, ok := known(apim.LoggerConnectionString); ok {
		if _, err := telemetry.ParseConnectionString(v); err != nil {
			l.fail(n.get(apim.LoggerConnectionString).at, "credentials.connectionString: %v", err)
		}
	}
	if v, ok := known(apim.LoggerKey); ok && !clientID.MatchString(v) {
		l.warn("loggers/"+g.ID, "credentials.instrumentationKey is not a UUID: current SDKs and Azure refuse such keys")
	}
	identity, ok := known(apim.LoggerIdentity)
	switch {
	case g.Credentials[apim.LoggerIdentity] == "":
	case g.Credentials[apim.LoggerConnectionString] == "":
		l.fail(n.get(apim.LoggerIdentity).at, "credentials.identityClientId needs credentials.connectionString beside it")
	case ok && !strings.EqualFold(identity, "SystemAssigned") && !clientID.MatchString(identity):
		l.fail(n.get(apim.LoggerIdentity).at, "credentials.identityClientId must be SystemAssigned or the client id (a UUID) of a user-assigned identity")
	}
}

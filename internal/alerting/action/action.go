// Package action holds Azure's action groups: who is told of an alert, and in
// which form.
//
// What comes in: Microsoft.Insights/actionGroups resources as JSON, and what is
// known of an alert. What goes out: checked groups, and payloads of the common
// alert schema. It must never send anything, or show a secret of a group in an
// error or a view.
package action

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
)

// Type of the resource.
const Type = "Microsoft.Insights/actionGroups"

// Group is an action group as a resource.
type Group struct {
	ID         string            `json:"id,omitempty"`
	Type       string            `json:"type,omitempty"`
	APIVersion string            `json:"apiVersion,omitempty"`
	Name       string            `json:"name"`
	Location   string            `json:"location,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Properties Properties        `json:"properties"`
}

// Properties of a group. The last four lists are of Gatehouse: Azure has these
// receivers behind webhooks.
type Properties struct {
	GroupShortName string  `json:"groupShortName"`
	Enabled        *bool   `json:"enabled,omitempty"` // default true
	Email          []Email `json:"emailReceivers,omitempty"`
	Webhook        []Hook  `json:"webhookReceivers,omitempty"`
	LogicApp       []Hook  `json:"logicAppReceivers,omitempty"`
	Function       []Hook  `json:"azureFunctionReceivers,omitempty"`

	SMS        []json.RawMessage `json:"smsReceivers,omitempty"`
	Voice      []json.RawMessage `json:"voiceReceivers,omitempty"`
	ITSM       []json.RawMessage `json:"itsmReceivers,omitempty"`
	AppPush    []json.RawMessage `json:"azureAppPushReceivers,omitempty"`
	Automation []json.RawMessage `json:"automationRunbookReceivers,omitempty"`
	Roles      []json.RawMessage `json:"armRoleReceivers,omitempty"`
	EventHub   []json.RawMessage `json:"eventHubReceivers,omitempty"`
	Incident   []json.RawMessage `json:"incidentReceivers,omitempty"`

	PagerDuty    []PagerDuty `json:"pagerDutyReceivers,omitempty"`
	Slack        []Chat      `json:"slackReceivers,omitempty"`
	Teams        []Chat      `json:"teamsReceivers,omitempty"`
	Alertmanager []Named     `json:"alertmanagerReceivers,omitempty"`
}

// Email is an address.
type Email struct {
	Name         string `json:"name"`
	EmailAddress string `json:"emailAddress"`
	CommonSchema bool   `json:"useCommonAlertSchema,omitempty"`
}

// Hook is an HTTP endpoint: of a webhook, a logic app or a function.
type Hook struct {
	Name         string `json:"name"`
	ServiceURI   string `json:"serviceUri,omitempty"`
	CallbackURL  string `json:"callbackUrl,omitempty"`
	TriggerURL   string `json:"httpTriggerUrl,omitempty"`
	CommonSchema bool   `json:"useCommonAlertSchema,omitempty"`
	UseAADAuth   bool   `json:"useAadAuth,omitempty"`

	ResourceID    string `json:"resourceId,omitempty"`
	FunctionAppID string `json:"functionAppResourceId,omitempty"`
	FunctionName  string `json:"functionName,omitempty"`
	ObjectID      string `json:"objectId,omitempty"`
	IdentifierURI string `json:"identifierUri,omitempty"`
	TenantID      string `json:"tenantId,omitempty"`
}

// URL of the endpoint.
func (h Hook) URL() string {
	for _, u := range []string{h.ServiceURI, h.CallbackURL, h.TriggerURL} {
		if u != "" {
			return u
		}
	}
	return ""
}

// PagerDuty is a service with Events API v2.
type PagerDuty struct {
	Name           string `json:"name"`
	IntegrationKey string `json:"integrationKey"`
	ServiceURI     string `json:"serviceUri,omitempty"` // default https://events.pagerduty.com/v2/enqueue
}

// Chat is an incoming webhook of Slack, or a workflow of Teams.
type Chat struct {
	Name       string `json:"name"`
	ServiceURI string `json:"serviceUri"`
	Channel    string `json:"channel,omitempty"`
}

// Named is a receiver of the Alertmanager configuration.
type Named struct {
	Name     string `json:"name"`
	Receiver string `json:"receiver"`
}

// maxDocument is the largest document, in bytes.
const maxDocument = 1 << 20

// Read gives the groups of a document: one resource, a list, an answer of the
// management API, or a template without expressions in its groups.
func Read(document []byte) ([]Group, error) {
	if len(document) > maxDocument {
		return nil, fmt.Errorf("read action groups: %d bytes, at most %d", len(document), maxDocument)
	}
	resources, err := resourcesOf(bytes.TrimPrefix(document, []byte("\xef\xbb\xbf")))
	if err != nil {
		return nil, fmt.Errorf("read action groups: %w", err)
	}
	var out []Group
	var errs []error
	for i, data := range resources {
		var g Group
		if err := json.Unmarshal(data, &g); err != nil {
			return nil, fmt.Errorf("read action groups: resource %d: %w", i+1, err)
		}
		if g.Type != "" && !strings.EqualFold(g.Type, Type) {
			continue
		}
		g.Type = Type
		if g.ID == "" {
			g.ID = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gatehouse/providers/" + Type + "/" + g.Name
		}
		errs = append(errs, g.Check())
		out = append(out, g)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("read action groups: the document has no resource of type %s", Type)
	}
	return out, errors.Join(errs...)
}

func resourcesOf(document []byte) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if json.Unmarshal(document, &list) == nil {
		return list, nil
	}
	var root struct {
		Resources []json.RawMessage `json:"resources"`
		Value     []json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(document, &root); err != nil {
		return nil, err
	}
	switch {
	case root.Resources != nil:
		return root.Resources, nil
	case root.Value != nil:
		return root.Value, nil
	}
	return []json.RawMessage{document}, nil
}

var groupName = regexp.MustCompile(`^[^:@/#{}%&+*<>?\\]{1,260}$`)

// maxReceivers of one kind; of e-mail addresses there may be more.
const (
	maxReceivers = 10
	maxEmails    = 1000
)

// Check names every fault of the group.
func (g *Group) Check() error {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("action group %q: "+format, append([]any{g.Name}, args...)...))
	}
	p := &g.Properties
	if !groupName.MatchString(g.Name) {
		fault("the name may not be empty or hold any of :@/#{}%%&+*<>?\\")
	}
	if n := len(p.GroupShortName); n < 1 || n > 12 {
		fault("groupShortName has %d characters, from 1 to 12", n)
	}
	if len(p.Email) > maxEmails {
		fault("%d emailReceivers, at most %d", len(p.Email), maxEmails)
	}
	for kind, n := range map[string]int{"webhookReceivers": len(p.Webhook), "logicAppReceivers": len(p.LogicApp), "azureFunctionReceivers": len(p.Function),
		"pagerDutyReceivers": len(p.PagerDuty), "slackReceivers": len(p.Slack), "teamsReceivers": len(p.Teams), "alertmanagerReceivers": len(p.Alertmanager)} {
		if n > maxReceivers {
			fault("%d %s, at most %d", n, kind, maxReceivers)
		}
	}
	for _, e := range p.Email {
		if _, err := mail.ParseAddress(e.EmailAddress); err != nil {
			fault("email receiver %q: the address is none", e.Name)
		}
	}
	for _, h := range p.hooks() {
		checkURL(fault, h.Name, h.URL())
	}
	for _, c := range append(append([]Chat{}, p.Slack...), p.Teams...) {
		checkURL(fault, c.Name, c.ServiceURI)
	}
	for _, d := range p.PagerDuty {
		if d.IntegrationKey == "" {
			fault("receiver %q: integrationKey is empty", d.Name)
		}
		if d.ServiceURI != "" {
			checkURL(fault, d.Name, d.ServiceURI)
		}
	}
	for _, n := range p.Alertmanager {
		if n.Receiver == "" {
			fault("receiver %q: names no receiver of the Alertmanager configuration", n.Name)
		}
	}
	return errors.Join(errs...)
}

func checkURL(fault func(string, ...any), name, text string) {
	if u, err := url.Parse(text); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		fault("receiver %q: its URI is not an http or https URL", name)
	}
}

func (p *Properties) hooks() []Hook {
	return append(append(append([]Hook{}, p.Webhook...), p.LogicApp...), p.Function...)
}

// Hooks gives the HTTP receivers that can be called: not those that need a
// token of Microsoft Entra ID.
func (g *Group) Hooks() []Hook {
	var out []Hook
	for _, h := range g.Properties.hooks() {
		if !h.UseAADAuth {
			out = append(out, h)
		}
	}
	return out
}

// Key is the name in lower case: names differ by more than case.
func (g *Group) Key() string { return strings.ToLower(g.Name) }

// Enabled says whether the group is called.
func (g *Group) Enabled() bool { return g.Properties.Enabled == nil || *g.Properties.Enabled }

// Unsupported names the lists of the group that nobody is told through.
func (g *Group) Unsupported() []string {
	out := []string{}
	p := &g.Properties
	for _, kind := range []struct {
		name string
		n    int
	}{{"smsReceivers", len(p.SMS)}, {"voiceReceivers", len(p.Voice)}, {"itsmReceivers", len(p.ITSM)}, {"azureAppPushReceivers", len(p.AppPush)},
		{"automationRunbookReceivers", len(p.Automation)}, {"armRoleReceivers", len(p.Roles)}, {"eventHubReceivers", len(p.EventHub)}, {"incidentReceivers", len(p.Incident)}} {
		if kind.n > 0 {
			out = append(out, kind.name)
		}
	}
	for _, h := range p.hooks() {
		if h.UseAADAuth {
			out = append(out, "useAadAuth of "+h.Name)
		}
	}
	return out
}

// Shown is the group without what lets others send in its name: keys, and the
// paths and queries of URLs.
func (g *Group) Shown() Group {
	out := *g
	p := &out.Properties
	for _, hooks := range []*[]Hook{&p.Webhook, &p.LogicApp, &p.Function} {
		*hooks = append([]Hook{}, *hooks...)
		for i := range *hooks {
			h := &(*hooks)[i]
			h.ServiceURI, h.CallbackURL, h.TriggerURL = hide(h.ServiceURI), hide(h.CallbackURL), hide(h.TriggerURL)
		}
	}
	for _, chats := range []*[]Chat{&p.Slack, &p.Teams} {
		*chats = append([]Chat{}, *chats...)
		for i := range *chats {
			(*chats)[i].ServiceURI = hide((*chats)[i].ServiceURI)
		}
	}
	p.PagerDuty = append([]PagerDuty{}, p.PagerDuty...)
	for i := range p.PagerDuty {
		p.PagerDuty[i].IntegrationKey = "<hidden>"
	}
	return out
}

func hide(text string) string {
	u, err := url.Parse(text)
	if err != nil || text == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/<hidden>"
}

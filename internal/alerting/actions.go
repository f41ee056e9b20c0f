package alerting

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/config"
	amcommon "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/notify/pagerduty"
	"github.com/prometheus/alertmanager/pkg/labels"
	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"gatehouse/internal/alerting/action"
	"gatehouse/internal/alerting/delivery"
)

const (
	// ActionPrefix begins the name of the receiver that is an action group. A
	// receiver of the configuration with such a name and nothing in it is one.
	ActionPrefix = "actionGroups/"
	// RuleLabel names the rule of a rule group whose actions are called.
	RuleLabel = "azure_rule"

	actionReceiver = "gatehouse-actions"
)

// RuleFunc finds a rule by the labels workspace and azure_rule of its alerts.
type RuleFunc func(workspace, rule string) (action.Rule, bool)

func (a *Alertmanager) ruleOf(set map[string]string) (action.Rule, bool) {
	find := a.actionRules.Load()
	if find == nil || set[RuleLabel] == "" {
		return action.Rule{}, false
	}
	return (*find)(set["workspace"], set[RuleLabel])
}

// SetRules says where the rules are known whose alerts call action groups.
func (a *Alertmanager) SetRules(find RuleFunc) { a.actionRules.Store(&find) }

// actionRoute sends each alert by itself to the actions of its rule: at once,
// and never again until it is resolved.
func actionRoute() *dispatch.Route {
	never, soon, wait := model.Duration(365*24*time.Hour), model.Duration(time.Second), model.Duration(0)
	matcher, _ := labels.NewMatcher(labels.MatchNotEqual, RuleLabel, "") // cannot fail: no expression
	return dispatch.NewRoute(&config.Route{Receiver: nobody, Routes: []*config.Route{{
		Receiver: actionReceiver, Matchers: amcommon.Matchers{matcher}, GroupByAll: true, GroupWait: &wait, GroupInterval: &soon, RepeatInterval: &never,
	}}}, nil)
}

const nobody = "gatehouse-nobody"

// actionNotifier calls the action groups of an alert's rule.
type actionNotifier struct{ a *Alertmanager }

// SendResolved: an action group is told of the end.
func (actionNotifier) SendResolved() bool { return true }

// Notify puts one message for each receiver of each group into the queue.
func (n actionNotifier) Notify(ctx context.Context, alerts ...*alert.Alert) (bool, error) {
	table := n.a.senders.Load()
	var errs []error
	for _, one := range alerts {
		set := plainLabels(one.Labels)
		rule, ok := n.a.ruleOf(set)
		if !ok {
			continue
		}
		record, ok := n.a.ledger.Current(one.Fingerprint().String())
		if !ok {
			continue // it was over before it was known
		}
		state, list := messageAlerts([]*alert.Alert{one})
		reason, _ := notify.NotificationReason(ctx)
		for _, name := range targetNames(rule.Actions) {
			for _, s := range table.ofReceiver(ActionPrefix + name) {
				errs = append(errs, n.a.queue.Put(delivery.Message{Receiver: ActionPrefix + name, Integration: s.String(), Key: record.ID,
					State: state, Reason: int(reason), GroupLabels: set, Alerts: list}))
			}
		}
	}
	return true, errors.Join(errs...)
}

// targetNames are the names of the groups, each once, in lower case.
func targetNames(targets []action.Target) []string {
	var out []string
	seen := map[string]bool{}
	for _, t := range targets {
		name := targetName(t.GroupID)
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

func targetName(id string) string { return strings.ToLower(id[strings.LastIndexByte(id, '/')+1:]) }

// commonHook posts the common alert schema, one call for each alert.
type commonHook struct {
	a      *Alertmanager
	client *http.Client
	url    string
	group  string // name in lower case
}

// SendResolved: Azure tells the end too.
func (commonHook) SendResolved() bool { return true }

// Notify posts. When one of several alerts fails all of them are sent again.
func (h commonHook) Notify(ctx context.Context, alerts ...*alert.Alert) (bool, error) {
	for _, one := range alerts {
		body, err := json.Marshal(h.payload(one))
		if err != nil {
			return false, err
		}
		if retry, err := post(ctx, h.client, h.url, body); err != nil {
			return retry, err
		}
	}
	return false, nil
}

func (h commonHook) payload(one *alert.Alert) action.Payload {
	set := plainLabels(one.Labels)
	rule, known := h.a.ruleOf(set)
	if !known {
		rule = action.Rule{Name: set[model.AlertNameLabel], Severity: action.SeverityOf(set["severity"])}
	}
	o := action.Occurrence{Fingerprint: one.Fingerprint().String(), Labels: set, Annotations: plainLabels(one.Annotations), Link: one.GeneratorURL, Fired: one.StartsAt}
	if r, ok := h.a.ledger.Current(o.Fingerprint); ok {
		o.ID, o.Fired, o.Value = r.ID, r.FiredAt, r.Value
	} else {
		o.ID = o.Fingerprint // a test: it is in no list
	}
	if one.Resolved() {
		o.Resolved = one.EndsAt
	}
	var properties map[string]string
	for _, t := range rule.Actions {
		if targetName(t.GroupID) == h.group {
			properties = t.Properties
		}
	}
	return action.Common(rule, o, properties)
}

// addActions builds the senders of the action groups into p.
func (a *Alertmanager) addActions(p *plan, text string, groups []action.Group) error {
	for i := range groups {
		g := &groups[i]
		if !g.Enabled() {
			continue
		}
		name := strings.ToLower(g.Name)
		conf, err := actionConfig(text, g)
		if err != nil {
			return fmt.Errorf("action group %q: %w", g.Name, err)
		}
		for _, r := range conf.Receivers {
			r.Name = ActionPrefix + name
			if err := a.addSenders(p, r); err != nil {
				return fmt.Errorf("action group %q: %w", g.Name, err)
			}
		}
		if err := a.addHooks(p, g, name); err != nil {
			return err
		}
		for _, n := range g.Properties.Alertmanager {
			if err := borrow(p, n, name); err != nil {
				return fmt.Errorf("action group %q: %w", g.Name, err)
			}
		}
	}
	return nil
}

// addHooks adds the webhooks that get the common alert schema.
func (a *Alertmanager) addHooks(p *plan, g *action.Group, name string) error {
	receiver := ActionPrefix + name
	for i, h := range g.Hooks() {
		if !h.CommonSchema {
			continue
		}
		client, err := commonconfig.NewClientFromConfig(commonconfig.DefaultHTTPClientConfig, "action-group", a.clientOptions()...)
		if err != nil {
			return err
		}
		hook := commonHook{a, client, h.URL(), name}
		s := &sender{Integration: notify.NewIntegration(hook, hook, "commonschema", i, receiver)}
		p.senders[senderKey{receiver, s.String()}] = s
	}
	return nil
}

// borrow makes the integrations of a configured receiver the group's too.
func borrow(p *plan, n action.Named, group string) error {
	list := p.senders.ofReceiver(n.Receiver)
	if len(list) == 0 {
		return fmt.Errorf("alertmanagerReceivers: the Alertmanager configuration has no receiver %q that notifies anybody", n.Receiver)
	}
	for _, s := range list {
		// The name still begins with the kind, as the index ends it.
		own := &sender{pager: s.pager, Integration: notify.NewIntegration(&s.Integration, s, s.Name()+" of "+n.Receiver, s.Index(), ActionPrefix+group)}
		p.senders[senderKey{ActionPrefix + group, own.String()}] = own
	}
	return nil
}

// actionConfig words the group's plain receivers as an Alertmanager
// configuration with the global settings of text, so that its defaults and
// checks are upstream's.
func actionConfig(text string, g *action.Group) (*config.Config, error) {
	var own struct {
		Global yaml.Node `yaml:"global"`
	}
	if err := yaml.Unmarshal([]byte(text), &own); err != nil {
		return nil, configError(err)
	}
	type object = map[string]any
	receiver := object{"name": "group"}
	add := func(kind string, config object) {
		list, _ := receiver[kind].([]object)
		receiver[kind] = append(list, config)
	}
	p := g.Properties
	for _, e := range p.Email {
		add("email_configs", object{"to": e.EmailAddress, "send_resolved": true})
	}
	for _, h := range g.Hooks() {
		if !h.CommonSchema {
			add("webhook_configs", object{"url": h.URL(), "send_resolved": true})
		}
	}
	for _, d := range p.PagerDuty {
		c := object{"routing_key": d.IntegrationKey, "send_resolved": true, "severity": pagerSeverity}
		if d.ServiceURI != "" {
			c["url"] = d.ServiceURI
		}
		add("pagerduty_configs", c)
	}
	for _, s := range p.Slack {
		c := object{"api_url": s.ServiceURI, "send_resolved": true}
		if s.Channel != "" {
			c["channel"] = s.Channel
		}
		add("slack_configs", c)
	}
	for _, s := range p.Teams {
		add("msteamsv2_configs", object{"webhook_url": s.ServiceURI, "send_resolved": true})
	}
	root := object{"route": object{"receiver": "group"}, "receivers": []object{receiver}}
	if own.Global.Kind == yaml.MappingNode {
		root["global"] = &own.Global
	}
	var b bytes.Buffer
	if err := yaml.NewEncoder(&b).Encode(root); err != nil {
		return nil, configError(err)
	}
	conf, err := config.Load(b.String())
	if err != nil {
		return nil, configError(err)
	}
	return conf, nil
}

// pagerSeverity maps severity labels to PagerDuty's words.
const pagerSeverity = `{{ with .CommonLabels.severity }}{{ if or (eq . "critical") (eq . "page") }}critical{{ else if eq . "error" }}error{{ else if or (eq . "warning") (eq . "ticket") }}warning{{ else }}info{{ end }}{{ else }}error{{ end }}`

// pagerIndex gives the configuration behind an integration such as pagerduty[0].
func pagerIndex(r config.Receiver, integration string) *pagerduty.PagerdutyConfig {
	text, ok := strings.CutPrefix(integration, "pagerduty[")
	if !ok {
		return nil
	}
	if i, err := strconv.Atoi(strings.TrimSuffix(text, "]")); err == nil && i < len(r.PagerdutyConfigs) {
		return r.PagerdutyConfigs[i]
	}
	return nil
}

package alerting

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"
	commonconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"gatehouse/internal/alerting/action"
)

// maxConfig is the largest configuration text, in bytes.
const maxConfig = 1 << 20

// plan is a checked configuration: all that can fail has been done.
type plan struct {
	text      string
	actions   []action.Group
	config    *config.Config
	template  *template.Template
	route     *dispatch.Route
	receivers map[string][]notify.Integration // queued stand-ins
	senders   senderTable                     // what really sends
	intervals map[string][]timeinterval.TimeInterval
}

// Check says what is wrong with a configuration, without a secret in the words.
func (a *Alertmanager) Check(text string) error {
	_, err := a.compile(text, a.groupsInForce())
	return err
}

// compile checks the text and builds everything that can fail, without touching
// what runs.
func (a *Alertmanager) compile(text string, groups []action.Group) (*plan, error) {
	if len(text) > maxConfig {
		return nil, fmt.Errorf("alerting configuration: %d bytes, at most %d", len(text), maxConfig)
	}
	if !a.options.AllowFiles {
		if err := refuseFiles(text); err != nil {
			return nil, err
		}
	}
	conf, err := config.Load(text)
	if err != nil {
		return nil, configError(err)
	}
	p := &plan{text: text, config: conf, actions: groups, senders: senderTable{}, intervals: map[string][]timeinterval.TimeInterval{}}
	if p.template, err = template.FromGlobs(conf.Templates); err != nil {
		return nil, configError(err)
	}
	p.template.ExternalURL = a.external
	p.route = dispatch.NewRoute(conf.Route, nil)
	for _, r := range conf.Receivers {
		if err := a.addSenders(p, r); err != nil {
			return nil, configError(err)
		}
	}
	if err := a.addActions(p, text, groups); err != nil {
		return nil, err
	}
	a.buildReceivers(p)
	for _, i := range conf.MuteTimeIntervals {
		p.intervals[i.Name] = i.TimeIntervals
	}
	for _, i := range conf.TimeIntervals {
		p.intervals[i.Name] = i.TimeIntervals
	}
	return p, nil
}

// addSenders builds what sends for one receiver.
func (a *Alertmanager) addSenders(p *plan, r config.Receiver) error {
	integrations, err := receiver.BuildReceiverIntegrations(r, p.template, a.log, a.clientOptions()...)
	if err != nil {
		return fmt.Errorf("receiver %q: %w", r.Name, err)
	}
	for _, i := range integrations {
		p.senders[senderKey{r.Name, i.String()}] = &sender{Integration: i, pager: pagerIndex(r, i.String())}
	}
	return nil
}

func (a *Alertmanager) clientOptions() []commonconfig.HTTPClientOption {
	if a.options.Dial == nil {
		return nil
	}
	return []commonconfig.HTTPClientOption{commonconfig.WithDialContextFunc(a.options.Dial)}
}

// buildReceivers gives each receiver of the configuration its queued
// integrations, and the rules' actions theirs.
func (a *Alertmanager) buildReceivers(p *plan) {
	action := actionNotifier{a}
	p.receivers = map[string][]notify.Integration{nobody: nil, actionReceiver: {notify.NewIntegration(action, action, "actions", 0, actionReceiver)}}
	for _, r := range p.config.Receivers {
		from := r.Name
		if strings.HasPrefix(from, ActionPrefix) {
			from = ActionPrefix + targetName(from)
		}
		p.receivers[r.Name] = nil
		for _, s := range p.senders.ofReceiver(from) {
			p.receivers[r.Name] = append(p.receivers[r.Name], a.wrap(from, s))
		}
	}
}

// refuseFiles finds the first key of the configuration that names a file.
func refuseFiles(text string) error {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return configError(err)
	}
	return walkKeys(&root, func(key, value *yaml.Node) error {
		name := key.Value
		empty := value.Kind == yaml.ScalarNode && value.Value == "" || value.Kind == yaml.SequenceNode && len(value.Content) == 0
		if empty || name != "templates" && name != "files" && !strings.HasSuffix(name, "_file") {
			return nil
		}
		return fmt.Errorf("alerting configuration: line %d: %q names a file of the server, which is not allowed here; write the value itself", key.Line, name)
	})
}

// walkKeys visits every key but those below a map whose keys are free words.
func walkKeys(n *yaml.Node, visit func(key, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		for _, child := range n.Content {
			if err := walkKeys(child, visit); err != nil {
				return err
			}
		}
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch key.Value {
		case "labels", "match", "match_re", "source_match", "target_match", "details":
			continue
		}
		if err := visit(key, value); err != nil {
			return err
		}
		if err := walkKeys(value, visit); err != nil {
			return err
		}
	}
	return nil
}

// quoted finds what parsers repeat of their input: `...` of YAML, "..." of URLs.
var quoted = regexp.MustCompile("`[^`]*`|\"[^\"]*\"")

// configError words an error of the configuration without the values that the
// parsers quote: any of them may be a secret. Plain words in quotes, such as
// the name of a receiver, stay.
func configError(err error) error {
	text := quoted.ReplaceAllStringFunc(err.Error(), func(s string) string {
		if s[0] == '"' && plainWord.MatchString(s) {
			return s
		}
		return "<hidden>"
	})
	return errors.New("alerting configuration: " + strings.TrimSpace(text))
}

var plainWord = regexp.MustCompile(`^"[A-Za-z0-9 _.-]{0,40}"$`)

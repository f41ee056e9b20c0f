package statement

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// logToEventHubStatement sends a message to an event hub. The request does not
// wait for it, and its failure is not the request's.
type logToEventHubStatement struct {
	fixed          *eventHub            // a literal logger
	logger         policy.String        // else
	hubs           map[string]*eventHub // by lower-case id
	partition, key *policy.String
	message        policy.String
}

const (
	logToEventHubName = "log-to-eventhub"
	maxEventHubBytes  = 200 << 10 // longer messages are cut, as in Azure
)

func logToEventHub() *policy.Definition {
	return &policy.Definition{Name: logToEventHubName, Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"logger-id", "partition-id", "partition-key"}, Compile: compileLogToEventHub}
}

func compileLogToEventHub(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &logToEventHubStatement{logger: required(k, e, "logger-id"), message: k.StringValue(e.Text)}
	if !e.Text.Expression && e.Text.Text == "" {
		k.Errorf(e.Pos, "<%s> needs a message", e.Name)
	}
	if a := e.Attr("partition-id"); a != nil {
		v := k.String(e, a.Name, "")
		s.partition = &v
	}
	if a := e.Attr("partition-key"); a != nil {
		v := k.String(e, a.Name, "")
		s.key = &v
		if s.partition != nil {
			k.Errorf(a.Pos, "<%s> takes partition-id or partition-key, not both", e.Name)
		}
	}
	if a := e.Attr("logger-id"); a != nil {
		s.compileLogger(k, a)
	}
	return s
}

// compileLogger reads the named logger, or all when an expression names it.
func (s *logToEventHubStatement) compileLogger(k *policy.Compiler, a *policy.Attr) {
	env := k.Environment()
	if env.Service == nil {
		k.Warnf(a.Value.Pos, "the logger is not known: no service is loaded around this document")
		return
	}
	s.hubs = map[string]*eventHub{}
	var named *apim.Logger
	for _, g := range env.Service.Loggers {
		match := !a.Value.Expression && strings.EqualFold(g.ID, a.Value.Text)
		if match {
			named = g
		}
		if !strings.EqualFold(g.Type, "azureEventHub") || !match && !a.Value.Expression {
			continue
		}
		hub, err := newEventHub(g, env.Addresses.EventHubs)
		if err != nil {
			k.Warnf(a.Value.Pos, "the logger %s cannot be used: %v; messages are lost", g.ID, err)
			continue
		}
		s.hubs[strings.ToLower(g.ID)] = hub
	}
	switch {
	case a.Value.Expression:
		return
	case named == nil:
		report(k, &a.Value, a.Value.Pos, "logger-id: the service has no such logger")
	case !strings.EqualFold(named.Type, "azureEventHub"):
		k.Errorf(a.Value.Pos, "logger-id: the logger %s is of type %s; azureEventHub is needed", named.ID, named.Type)
	}
	s.fixed = s.hubs[strings.ToLower(a.Value.Text)]
}

func (s *logToEventHubStatement) Run(c *policy.Context) error {
	hub, err := s.hub(c)
	if err != nil {
		return err
	}
	r, err := s.request(c, hub)
	if err != nil {
		return err
	}
	inBackground(c, logToEventHubName, func(own *policy.Context) error {
		if hub == nil {
			return fmt.Errorf("the logger is not known, or cannot be used")
		}
		authorization, err := hub.authorize(own)
		if err != nil {
			return err
		}
		r.Header["Authorization"] = []string{authorization}
		return delivered(own, r, http.StatusCreated)
	})
	return nil
}

func (s *logToEventHubStatement) hub(c *policy.Context) (*eventHub, error) {
	if s.fixed != nil || !s.logger.Dynamic() {
		return s.fixed, nil
	}
	id, err := s.logger.Eval(c)
	return s.hubs[strings.ToLower(id)], err
}

// request makes the call while the context is there. hub may be nil.
func (s *logToEventHubStatement) request(c *policy.Context, hub *eventHub) (*policy.OutgoingRequest, error) {
	text, err := s.message.Eval(c)
	if err != nil {
		return nil, err
	}
	if len(text) > maxEventHubBytes {
		text = strings.ToValidUTF8(text[:maxEventHubBytes], "")
	}
	r := &policy.OutgoingRequest{Source: logToEventHubName, Method: http.MethodPost, Timeout: eventHubTimeout, Body: []byte(text),
		Header: expr.Header{"Content-Type": {"application/atom+xml;type=entry;charset=utf-8"}}}
	path := "/messages"
	if s.partition != nil {
		id, err := s.partition.Eval(c)
		if err != nil {
			return nil, err
		}
		if !plainHost(id) {
			return nil, invalid(c, logToEventHubName, "partition-id must be the number of a partition.")
		}
		path = "/partitions/" + id + path
	}
	if s.key != nil {
		key, err := s.key.Eval(c)
		if err != nil {
			return nil, err
		}
		properties, err := json.Marshal(map[string]string{"PartitionKey": key})
		if err != nil {
			return nil, err
		}
		r.Header["BrokerProperties"] = []string{string(properties)}
	}
	if hub != nil {
		r.URL = hub.base
		r.URL.Path += path
		r.URL.RawQuery = "timeout=30&api-version=2014-01"
	}
	return r, nil
}

// delivered sends a message and wants a status.
func delivered(c *policy.Context, r *policy.OutgoingRequest, status int) error {
	response, err := c.Services.HTTP.Send(c, r)
	if err != nil {
		return sendFailure(c, r.Source, err)
	}
	defer response.Body.Close()
	if response.StatusCode != status {
		return notAccepted(c, r.Source, "MessageNotAccepted", fmt.Sprintf("The message was not accepted: status %d.", response.StatusCode))
	}
	return nil
}

// notAccepted is the failure of a service that a policy needs; a client does
// not learn of it.
func notAccepted(c *policy.Context, source, reason, message string) error {
	e := c.Fail(source, reason, message, http.StatusInternalServerError)
	e.Body = "Internal server error"
	return e
}

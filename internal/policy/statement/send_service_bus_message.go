package statement

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// sendServiceBusMessageStatement sends a message to a queue or topic of Azure
// Service Bus as a managed identity, and waits until it is accepted.
type sendServiceBusMessageStatement struct {
	entity     policy.String // queue or topic
	namespace  policy.String
	clientID   policy.String
	properties []messageProperty
	payload    policy.String
	address    string // instead of the namespace's, as for an emulator
}

type messageProperty struct{ name, value policy.String }

const (
	serviceBusName     = "send-service-bus-message"
	serviceBusResource = "https://servicebus.azure.net"
	serviceBusTimeout  = 60 * time.Second
)

func sendServiceBusMessage() *policy.Definition {
	return &policy.Definition{Name: serviceBusName, Sections: policy.Inbound | policy.Outbound | policy.OnError, Scopes: policy.AnyScope &^ policy.Workspace,
		Attributes: []string{"queue-name", "topic-name", "namespace", "client-id"}, Compile: compileSendServiceBusMessage}
}

func compileSendServiceBusMessage(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "message-properties", "payload")
	s := &sendServiceBusMessageStatement{namespace: k.String(e, "namespace", ""), clientID: k.String(e, "client-id", ""), address: k.Environment().Addresses.ServiceBus}
	queue, topic := e.Attr("queue-name"), e.Attr("topic-name")
	switch {
	case queue == nil && topic == nil:
		k.Errorf(e.Pos, "<%s> needs queue-name or topic-name", e.Name)
	case queue != nil && topic != nil:
		k.Errorf(topic.Pos, "<%s> takes queue-name or topic-name, not both", e.Name)
	case queue != nil:
		s.entity = required(k, e, "queue-name")
	default:
		s.entity = required(k, e, "topic-name")
	}
	switch a := e.Attr("namespace"); {
	case a == nil && s.address == "":
		k.Warnf(e.Pos, "<%s> has no namespace, such as contoso.servicebus.windows.net, and the setting platform.serviceBus names none: it fails when it runs", e.Name)
	case a != nil && !a.Value.Expression && !plainHost(a.Value.Text):
		report(k, &a.Value, a.Value.Pos, "namespace: expected a host name, such as contoso.servicebus.windows.net")
	}
	s.properties = compileMessageProperties(k, only(k, e, "message-properties"))
	if c := only(k, e, "payload"); c == nil {
		k.Errorf(e.Pos, "<%s> needs <payload>", e.Name)
	} else {
		checkAttributes(k, c)
		checkChildren(k, c)
		s.payload = k.StringValue(c.Text)
	}
	return s
}

func compileMessageProperties(k *policy.Compiler, e *policy.Element) []messageProperty {
	if e == nil {
		return nil
	}
	checkAttributes(k, e)
	checkChildren(k, e, "message-property")
	var out []messageProperty
	for _, c := range e.Children {
		if c.Name == "message-property" {
			checkAttributes(k, c, "name")
			checkChildren(k, c)
			out = append(out, messageProperty{required(k, c, "name"), k.StringValue(c.Text)})
		}
	}
	return out
}

func (s *sendServiceBusMessageStatement) Run(c *policy.Context) error {
	r, err := s.request(c)
	if err != nil {
		return err
	}
	client, err := s.clientID.Eval(c)
	if err != nil {
		return err
	}
	token, err := c.Services.Tokens.Token(c.Std, serviceBusResource, client)
	if err != nil {
		return tokenFailed(c, serviceBusName, err, false)
	}
	c.Conceal(token)
	r.Header["Authorization"] = []string{"Bearer " + token}
	return delivered(c, r, http.StatusCreated)
}

// serviceBusMessage is one message of the batch form of the REST API: there
// names of properties keep their letter case.
type serviceBusMessage struct {
	Body           string
	UserProperties map[string]string `json:",omitempty"`
}

func (s *sendServiceBusMessageStatement) request(c *policy.Context) (*policy.OutgoingRequest, error) {
	message := serviceBusMessage{}
	var err error
	if message.Body, err = s.payload.Eval(c); err != nil {
		return nil, err
	}
	for i := range s.properties {
		name, err := s.properties[i].name.Eval(c)
		if err != nil {
			return nil, err
		}
		value, err := s.properties[i].value.Eval(c)
		if err != nil {
			return nil, err
		}
		if message.UserProperties == nil {
			message.UserProperties = map[string]string{}
		}
		message.UserProperties[name] = value
	}
	r := &policy.OutgoingRequest{Source: serviceBusName, Method: http.MethodPost, Timeout: serviceBusTimeout,
		Header: expr.Header{"Content-Type": {"application/vnd.microsoft.servicebus.json"}}}
	if r.Body, err = json.Marshal([]serviceBusMessage{message}); err != nil {
		return nil, err
	}
	r.URL, err = s.url(c)
	return r, err
}

func (s *sendServiceBusMessageStatement) url(c *policy.Context) (expr.URL, error) {
	entity, err := s.entity.Eval(c)
	if err != nil {
		return expr.URL{}, err
	}
	namespace, err := s.namespace.Eval(c)
	if err != nil {
		return expr.URL{}, err
	}
	parts := strings.Split(strings.Trim(entity, "/"), "/")
	for i := range parts {
		if parts[i] == "" || parts[i] == "." || parts[i] == ".." {
			return expr.URL{}, invalid(c, serviceBusName, "The name of the queue or topic is not valid.")
		}
		parts[i] = url.PathEscape(parts[i])
	}
	address := s.address
	if address == "" {
		if !plainHost(namespace) {
			if namespace == "" {
				return expr.URL{}, invalid(c, serviceBusName, "There is no namespace: give the attribute or the setting platform.serviceBus.")
			}
			return expr.URL{}, invalid(c, serviceBusName, "namespace is not a host name.")
		}
		address = "https://" + namespace
	}
	u, err := expr.ParseURL(address)
	if err != nil {
		return u, invalid(c, serviceBusName, "The address of Service Bus is not a URL.")
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + strings.Join(parts, "/") + "/messages"
	u.RawQuery = "timeout=60&api-version=2014-01"
	return u, nil
}

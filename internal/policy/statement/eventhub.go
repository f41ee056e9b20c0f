package statement

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// eventHub is a logger of type azureEventHub: where messages go and what lets
// them in, a shared access key or a managed identity.
type eventHub struct {
	base           expr.URL // the event hub; messages are below it
	keyName, key   string
	clientID       string // of the managed identity, when there is no key; "" is the system's
	defaultTimeout time.Duration
}

const (
	eventHubsResource = "https://eventhubs.azure.net"
	eventHubTimeout   = 30 * time.Second
	signatureLifetime = 10 * time.Minute
)

// newEventHub reads the credentials of a logger. address replaces that of the
// namespace, as for an emulator.
func newEventHub(g *apim.Logger, address string) (*eventHub, error) {
	h := &eventHub{defaultTimeout: eventHubTimeout}
	host, name := "", credential(g, "name")
	if text := credential(g, "connectionString"); text != "" {
		if strings.Contains(text, "{{") {
			return nil, errors.New("its connectionString refers to a named value that is not there; give it one in the overrides")
		}
		parts := connectionString(text)
		u, err := url.Parse(parts["endpoint"])
		if err != nil || u.Host == "" || parts["sharedaccesskeyname"] == "" || parts["sharedaccesskey"] == "" {
			return nil, errors.New("its connectionString needs Endpoint, SharedAccessKeyName and SharedAccessKey")
		}
		host, h.keyName, h.key = u.Hostname(), parts["sharedaccesskeyname"], parts["sharedaccesskey"]
		if name == "" {
			name = parts["entitypath"]
		}
	} else {
		host = credential(g, "endpointAddress")
		if u, err := url.Parse(host); err == nil && u.Host != "" {
			host = u.Host
		}
		host, _, _ = strings.Cut(host, "/")
		if id := credential(g, "identityClientId"); !strings.EqualFold(id, "SystemAssigned") {
			h.clientID = id
		}
	}
	if !plainHost(host) || name == "" {
		return nil, errors.New("it needs the credentials connectionString, or endpointAddress, and name")
	}
	if address == "" {
		address = "https://" + host
	}
	var err error
	if h.base, err = expr.ParseURL(address); err != nil {
		return nil, errors.New("its address is not a URL")
	}
	h.base.Path = strings.TrimSuffix(h.base.Path, "/") + "/" + url.PathEscape(name)
	return h, nil
}

func credential(g *apim.Logger, name string) string {
	for key, value := range g.Credentials {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// connectionString gives the parts of Key=Value;Key=Value by lower-case key.
func connectionString(text string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		if key, value, ok := strings.Cut(part, "="); ok {
			out[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return out
}

// plainHost tells whether a text is a host name and nothing else: a token must
// not go anywhere that a name only seems to be.
func plainHost(text string) bool {
	bad := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}
	return text != "" && !strings.ContainsFunc(text, bad)
}

// authorize gives the value of Authorization.
func (h *eventHub) authorize(c *policy.Context) (string, error) {
	if h.key != "" {
		return h.sign(c.Now()), nil
	}
	token, err := c.Services.Tokens.Token(c.Std, eventHubsResource, h.clientID)
	return "Bearer " + token, err
}

// sign makes a shared access signature for the event hub.
func (h *eventHub) sign(now time.Time) string {
	resource := url.QueryEscape(h.base.String())
	end := strconv.FormatInt(now.Add(signatureLifetime).Unix(), 10)
	mac := hmac.New(sha256.New, []byte(h.key))
	mac.Write([]byte(resource + "\n" + end))
	return "SharedAccessSignature sr=" + resource + "&sig=" + url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil))) +
		"&se=" + end + "&skn=" + url.QueryEscape(h.keyName)
}

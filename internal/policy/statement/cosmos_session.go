package statement

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// cosmosAccount is the compiled <connection-info>.
type cosmosAccount struct {
	connection, database, container *sourceValue
	identity                        policy.Bool
	clientID                        policy.String
}

func compileCosmosAccount(k *policy.Compiler, e *policy.Element) cosmosAccount {
	var a cosmosAccount
	info := only(k, e, "connection-info")
	if info == nil {
		k.Errorf(e.Pos, "<%s> needs <connection-info>", e.Name)
		return a
	}
	checkAttributes(k, info)
	checkChildren(k, info, "connection-string", "database-name", "container-name")
	a.database, a.container = requiredText(k, info, "database-name"), requiredText(k, info, "container-name")
	c := only(k, info, "connection-string")
	if c == nil {
		k.Errorf(info.Pos, "<connection-info> needs <connection-string>, such as AccountEndpoint=https://name.documents.azure.com:443/;AccountKey=...;")
		return a
	}
	checkAttributes(k, c, "use-managed-identity", "client-id")
	checkChildren(k, c)
	a.identity, a.clientID = k.Bool(c, "use-managed-identity", false), k.String(c, "client-id", "")
	a.connection = &sourceValue{value: k.AnyValue(c.Text)}
	if c.Text.Expression {
		return a
	}
	switch endpoint, key := parseCosmosConnection(c.Text.Text); {
	case !strings.HasPrefix(endpoint, "http"):
		report(k, &c.Text, c.Pos, "<connection-string> names no AccountEndpoint with a URL; write AccountEndpoint=https://name.documents.azure.com:443/;AccountKey=...;")
	case key == "" && !a.identity.Dynamic() && !a.identity.Literal:
		k.Errorf(c.Pos, "<connection-string> has no AccountKey: add it as a secret named value, or set use-managed-identity=\"true\"")
	}
	return a
}

// parseCosmosConnection reads "AccountEndpoint=...;AccountKey=...;". The values
// may hold "=".
func parseCosmosConnection(text string) (endpoint, key string) {
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "accountendpoint":
			endpoint = strings.Join(strings.Fields(value), "") // may be broken into lines
		case "accountkey":
			key = strings.TrimSpace(value)
		}
	}
	return endpoint, key
}

// cosmosSession is the container of one request.
type cosmosSession struct {
	endpoint expr.URL
	link     string // dbs/NAME/colls/NAME
	key      []byte // signs; nil with a token
	token    string // "type=aad&..." or a resource token
}

// cosmosResource is what tokens of managed identities are for.
const cosmosResource = "https://cosmos.azure.com"

func (a *cosmosAccount) open(c *policy.Context) (*cosmosSession, error) {
	text, err := a.connection.text(c)
	if err != nil {
		return nil, err
	}
	database, err := a.database.text(c)
	if err != nil {
		return nil, err
	}
	container, err := a.container.text(c)
	if err != nil {
		return nil, err
	}
	endpoint, key := parseCosmosConnection(text)
	s := &cosmosSession{link: "dbs/" + database + "/colls/" + container}
	if s.endpoint, err = expr.ParseURL(endpoint); err != nil {
		return nil, invalid(c, cosmosName, "The connection string names no AccountEndpoint with a URL.")
	}
	identity, err := a.identity.Eval(c)
	if err != nil {
		return nil, err
	}
	return s, a.authorize(c, s, key, identity)
}

func (a *cosmosAccount) authorize(c *policy.Context, s *cosmosSession, key string, identity bool) error {
	if identity {
		client, err := a.clientID.Eval(c)
		if err != nil {
			return err
		}
		token, err := c.Services.Tokens.Token(c.Std, cosmosResource, client)
		if err != nil {
			return tokenFailed(c, cosmosName, err, false)
		}
		c.Conceal(token)
		s.token = "type=aad&ver=1.0&sig=" + token
		return nil
	}
	if strings.HasPrefix(key, "type=resource") {
		s.token = key
		return nil
	}
	var err error
	if s.key, err = base64.StdEncoding.DecodeString(key); err != nil || len(s.key) == 0 {
		return invalid(c, cosmosName, "The AccountKey of the connection string is not a key of Cosmos DB.")
	}
	return nil
}

// authorization signs a request for items with the key of the account, or gives
// the token.
func (s *cosmosSession) authorization(method, link, date string) string {
	if s.key == nil {
		return url.QueryEscape(s.token)
	}
	return s.sign(method, "docs", link, date)
}

// sign makes a master key token.
func (s *cosmosSession) sign(method, kind, link, date string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(strings.ToLower(method) + "\n" + kind + "\n" + link + "\n" + strings.ToLower(date) + "\n\n"))
	return url.QueryEscape("type=master&ver=1.0&sig=" + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// send makes one request for the items of the container, or for one of them.
// Statuses of 400 and more are failures, but those that the caller expects.
func (s *cosmosSession) send(c *policy.Context, method, id string, h expr.Header, body []byte, expected ...int) (*expr.Response, error) {
	link, path := s.link, s.link+"/docs"
	if id != "" {
		link, path = path+"/"+id, path+"/"+id
	}
	date := c.Now().UTC().Format(http.TimeFormat)
	h["X-Ms-Date"], h["X-Ms-Version"] = []string{date}, []string{"2018-12-31"}
	h["Authorization"], h["Accept"] = []string{s.authorization(method, link, date)}, []string{"application/json"}
	u := s.endpoint
	u.Path = joinPath(u.Path, "/"+escapeSegments(path))
	r := &policy.OutgoingRequest{Source: cosmosName, Method: method, URL: u, Header: h, Body: body, Timeout: 60 * time.Second, Attempt: 1}
	response, err := c.Services.HTTP.Send(c, r)
	if err != nil {
		return nil, sendFailure(c, cosmosName, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		for _, status := range expected {
			if status == response.StatusCode {
				return nil, nil
			}
		}
		return nil, refusal(c, cosmosName, response.StatusCode)
	}
	return response, nil
}

func escapeSegments(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

package statement

import (
	"strings"

	"gatehouse/internal/policy"
)

// sqlAccount is the compiled <connection-info>.
type sqlAccount struct {
	connection  *sourceValue
	identity    policy.Bool
	clientID    policy.String
	certificate requestEditor // nil: none
}

const sqlConnectionHint = "write Server=tcp:name.database.windows.net,1433;Initial Catalog=database;User ID=...;Password=...;"

func compileSQLAccount(k *policy.Compiler, e *policy.Element) sqlAccount {
	var a sqlAccount
	info := only(k, e, "connection-info")
	if info == nil {
		k.Errorf(e.Pos, "<%s> needs <connection-info>", e.Name)
		return a
	}
	checkAttributes(k, info)
	checkChildren(k, info, "connection-string", "authentication-certificate")
	if c := only(k, info, "authentication-certificate"); c != nil {
		k.Within(policy.Inbound, func() { a.certificate = compileSQLCertificate(k, c) })
	}
	c := only(k, info, "connection-string")
	if c == nil {
		k.Errorf(info.Pos, "<connection-info> needs <connection-string>; %s", sqlConnectionHint)
		return a
	}
	checkAttributes(k, c, "use-managed-identity", "client-id")
	checkChildren(k, c)
	a.identity, a.clientID = k.Bool(c, "use-managed-identity", false), k.String(c, "client-id", "")
	a.connection = &sourceValue{value: k.AnyValue(c.Text)}
	if c.Text.Expression {
		return a
	}
	switch server, user := parseSQLConnection(c.Text.Text); {
	case !server:
		report(k, &c.Text, c.Pos, "<connection-string> names no Server; %s", sqlConnectionHint)
	case !user && !a.identity.Dynamic() && !a.identity.Literal:
		report(k, &c.Text, c.Pos, "<connection-string> has no User ID: add it and the password as a secret named value, or set use-managed-identity=\"true\"")
	}
	return a
}

func compileSQLCertificate(k *policy.Compiler, e *policy.Element) requestEditor {
	checkAttributes(k, e, k.Environment().Definitions[certificateName].Attributes...)
	editor, _ := compileAuthenticationCertificate(k, e).(requestEditor)
	return editor
}

// parseSQLConnection tells whether a connection string names a server and a user.
func parseSQLConnection(text string) (server, user bool) {
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(part, "=")
		given := strings.TrimSpace(value) != ""
		switch strings.Join(strings.Fields(strings.ToLower(name)), " ") {
		case "server", "data source", "address", "addr", "network address":
			server = server || given
		case "user id", "uid", "user":
			user = user || given
		}
	}
	return server, user
}

// open gives a statement that knows where it runs.
func (a *sqlAccount) open(c *policy.Context) (*policy.DatabaseStatement, error) {
	s := &policy.DatabaseStatement{Source: sqlName, Timeout: sqlTimeout}
	var err error
	if s.Connection, err = a.connection.text(c); err != nil {
		return nil, err
	}
	if s.Identity, err = a.identity.Eval(c); err != nil {
		return nil, err
	}
	if s.ClientID, err = a.clientID.Eval(c); err != nil {
		return nil, err
	}
	if a.certificate != nil {
		var r policy.OutgoingRequest
		if err := a.certificate.EditRequest(c, &r); err != nil {
			return nil, err
		}
		s.Certificate = r.Certificate
	}
	return s, nil
}

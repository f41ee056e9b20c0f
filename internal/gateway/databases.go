package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gatehouse/internal/gateway/sqlserver"
	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// databases implements policy.Databases: each statement is a span of its own.
type databases struct {
	all      *sqlserver.Databases
	maxBytes int64
}

// sqlResource is what tokens of managed identities are for.
const sqlResource = "https://database.windows.net"

// Rows runs one statement.
func (d *databases) Rows(c *policy.Context, s *policy.DatabaseStatement) ([]json.RawMessage, error) {
	db, err := d.all.Open(connection(c, s))
	if err != nil {
		return nil, &policy.Error{Source: s.Source, Reason: "DataSourceUnavailable", Message: "The database cannot be asked: " + err.Error() + ".", Status: 500, Body: "Internal server error", Err: err}
	}
	defer db.Release()
	e := c.Exchange
	call := telemetry.Call{Source: s.Source, SpanID: newSpanID(), Method: "SQL", Scheme: "mssql", Host: db.Host, Path: "/" + db.Name, Attempt: 1, Start: e.Since(), Sent: int64(len(s.Text))}
	ctx, cancel := context.WithTimeout(c.Std, s.Timeout)
	defer cancel()
	query := sqlserver.Query{Statement: s.Text, MaxBytes: d.maxBytes}
	for _, p := range s.Parameters {
		query.Parameters = append(query.Parameters, sqlserver.Parameter(p))
	}
	rows, err := db.Rows(ctx, query)
	call.Duration = e.Since() - call.Start
	failure := databaseFailure(s.Source, err, ctx, c.Std)
	record(e, call, 0, failure)
	if failure != nil {
		return nil, failure
	}
	return rows, nil
}

func connection(c *policy.Context, s *policy.DatabaseStatement) sqlserver.Connection {
	out := sqlserver.Connection{String: s.Connection}
	if s.Certificate != nil {
		out.Certificate, out.CertificateKey = &s.Certificate.Certificate, s.Certificate.Key
	}
	if s.Identity {
		tokens, id := c.Services.Tokens, s.ClientID
		out.Identity = "identity " + id
		out.Token = func(ctx context.Context) (string, error) { return tokens.Token(ctx, sqlResource, id) }
	}
	return out
}

// databaseFailure explains a failure without a word of the database's own text,
// which may tell clients about tables.
func databaseFailure(source string, err error, ctx, client context.Context) *policy.Error {
	if err == nil {
		return nil
	}
	e := &policy.Error{Source: source, Reason: "BackendConnectionFailure", Message: "The database was not reached, or the connection broke.", Status: 500, Body: "Internal server error", Err: err}
	number, refused := sqlserver.Number(err)
	var parameter *sqlserver.ParameterError
	switch {
	case client.Err() != nil:
		e.Reason, e.Message, e.Err = "ClientConnectionFailure", "The client closed the connection.", policy.ErrClientClosed
	case ctx.Err() != nil:
		e.Reason, e.Message = "Timeout", "The database did not answer in time."
	case refused:
		e.Reason, e.Message = "DataSourceError", fmt.Sprintf("The database answered with error %d.", number)
	case errors.Is(err, sqlserver.ErrTooLarge):
		e.Reason, e.Message = "DataSourceError", "The result cannot be used: "+err.Error()+"."
	case errors.As(err, &parameter):
		e.Reason, e.Message = "ExpressionValueEvaluationFailure", "A value does not fit: "+err.Error()+"."
	}
	return e
}

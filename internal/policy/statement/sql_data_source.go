package statement

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// sqlDataSourceStatement answers a field of a GraphQL schema from a database of
// SQL Server or Azure SQL.
type sqlDataSourceStatement struct {
	account    sqlAccount
	body       policy.Block // set-body of the request, which parameters may read
	text       *sourceValue
	parameters []sqlParameter
	single     policy.Bool
	response   policy.Block
}

const sqlName = "sql-data-source"

// sqlTimeout bounds one statement.
const sqlTimeout = 60 * time.Second

func sqlDataSource() *policy.Definition {
	return &policy.Definition{Name: sqlName, Sections: policy.Resolving, Scopes: policy.Resolver, Compile: compileSQLDataSource}
}

func compileSQLDataSource(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "connection-info", "request", "response")
	s := &sqlDataSourceStatement{account: compileSQLAccount(k, e)}
	if r := only(k, e, "request"); r != nil {
		k.Within(policy.Inbound, func() { s.compileRequest(k, r) })
	} else {
		k.Errorf(e.Pos, "<sql-data-source> needs <request> with a <sql-statement>")
	}
	s.response = compileSourceResponse(k, e, "response")
	return s
}

func (s *sqlDataSourceStatement) compileRequest(k *policy.Compiler, e *policy.Element) {
	checkAttributes(k, e, "single-result")
	checkChildren(k, e, "set-body", "sql-statement", "parameters")
	s.single = k.Bool(e, "single-result", false)
	if body := only(k, e, "set-body"); body != nil {
		s.body = k.Block([]*policy.Element{body})
	}
	s.text = requiredText(k, e, "sql-statement")
	if t := only(k, e, "sql-statement"); t != nil && t.Text.Expression {
		k.Warnf(t.Text.Pos, "a <sql-statement> made by an expression runs whatever a client wrote into it; write a fixed statement and give values as <parameter>")
	}
	if list := only(k, e, "parameters"); list != nil {
		s.parameters = compileSQLParameters(k, list)
	}
}

func (s *sqlDataSourceStatement) Run(c *policy.Context) error {
	if err := s.body.Run(c); err != nil {
		return err
	}
	statement, err := s.account.open(c)
	if err != nil {
		return err
	}
	if statement.Text, err = s.text.text(c); err != nil {
		return err
	}
	if statement.Parameters, err = evalSQLParameters(c, s.parameters); err != nil {
		return err
	}
	single, err := s.single.Eval(c)
	if err != nil {
		return err
	}
	if c.Services.Databases == nil {
		return c.Fail(sqlName, "DataSourceUnavailable", "There are no databases here.", 500)
	}
	rows, err := c.Services.Databases.Rows(c, statement)
	if err != nil {
		return sendFailure(c, sqlName, err)
	}
	c.Response = &expr.Response{StatusCode: 200, StatusReason: "OK", Header: expr.Header{"Content-Type": {"application/json"}}}
	if body := sqlBody(rows, single); body != nil {
		c.Response.Body = expr.BytesBody(body)
	}
	return s.response.Run(c)
}

// sqlBody is the one row, nothing when there is none, or {"items": [rows]}.
func sqlBody(rows []json.RawMessage, single bool) []byte {
	if single {
		if len(rows) == 0 {
			return nil
		}
		return rows[0]
	}
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i, row := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(row)
	}
	b.WriteString("]}")
	return b.Bytes()
}

// sqlParameter is one compiled <parameter>.
type sqlParameter struct {
	name, kind string
	value      *sourceValue
}

// sqlTypes are the data types of T-SQL that a parameter may have.
var sqlTypes = []string{"bigint", "binary", "bit", "char", "date", "datetime", "datetime2", "datetimeoffset", "decimal", "float", "int", "money", "nchar", "ntext",
	"numeric", "nvarchar", "real", "smalldatetime", "smallint", "smallmoney", "text", "time", "tinyint", "uniqueidentifier", "varbinary", "varchar", "xml"}

const maxSQLParameters = 2098 // the protocol takes 2100, two of which are the statement

func compileSQLParameters(k *policy.Compiler, e *policy.Element) []sqlParameter {
	checkAttributes(k, e)
	checkChildren(k, e, "parameter")
	var out []sqlParameter
	for _, c := range e.Children {
		if c.Name != "parameter" {
			continue
		}
		checkAttributes(k, c, "name", "sql-type", "template")
		p := sqlParameter{name: strings.TrimPrefix(requiredLiteral(k, c, "name"), "@"), value: compileSourceValue(k, c)}
		if a := c.Attr("name"); a != nil && !sqlVariable(p.name) && !a.Value.Expression {
			k.Errorf(a.Value.Pos, "name: expected the name of a parameter, such as @id")
		}
		if slices.ContainsFunc(out, func(o sqlParameter) bool { return strings.EqualFold(o.name, p.name) }) {
			k.Errorf(c.Pos, "the parameter @%s is given twice", p.name)
		}
		kind, _, _ := strings.Cut(strings.ToLower(k.Literal(c, "sql-type", "")), "(") // varchar(50)
		if p.kind = strings.TrimSpace(kind); p.kind != "" && !slices.Contains(sqlTypes, p.kind) {
			report(k, &c.Attr("sql-type").Value, c.Attr("sql-type").Value.Pos, "sql-type: expected a data type of T-SQL, one of %s", strings.Join(sqlTypes, ", "))
		}
		out = append(out, p)
	}
	if len(out) > maxSQLParameters {
		k.Errorf(e.Pos, "<parameters> has %d parameters; a statement takes at most %d", len(out), maxSQLParameters)
	}
	return out
}

// sqlVariable tells whether a text can be the name of a parameter.
func sqlVariable(name string) bool {
	for _, r := range name {
		if r != '_' && r != '$' && r != '#' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return name != "" && len(name) < 128
}

func evalSQLParameters(c *policy.Context, list []sqlParameter) ([]policy.DatabaseParameter, error) {
	var out []policy.DatabaseParameter
	for i := range list {
		raw, err := list[i].value.json(c)
		if err != nil {
			return nil, err
		}
		p := policy.DatabaseParameter{Name: list[i].name, Type: list[i].kind}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		if err := decoder.Decode(&p.Value); err != nil {
			return nil, invalid(c, sqlName, "The value of the parameter @"+p.Name+" has no JSON form.")
		}
		switch p.Value.(type) {
		case map[string]any, []any:
			p.Value = string(raw) // for OPENJSON
		}
		out = append(out, p)
	}
	return out, nil
}

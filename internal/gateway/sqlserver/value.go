package sqlserver

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

// Parameter is a value of a statement, with the name that stands for it.
type Parameter struct {
	Name string // with or without @
	// Type is a T-SQL data type without length, in lower case; "": by the value.
	Type  string
	Value any // nil, bool, string or json.Number
}

// ParameterError is a value that is not of the type of its parameter.
type ParameterError struct {
	Name string
	Err  error
}

func (e *ParameterError) Error() string { return "parameter " + e.Name + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *ParameterError) Unwrap() error { return e.Err }

func arguments(parameters []Parameter) ([]any, error) {
	var out []any
	for _, p := range parameters {
		v, err := p.argument()
		if err != nil {
			return nil, &ParameterError{p.Name, err}
		}
		out = append(out, sql.Named(strings.TrimPrefix(p.Name, "@"), v))
	}
	return out, nil
}

// argument gives the value as the driver takes it. Types that it does not
// know, such as decimal, the server makes of text.
func (p Parameter) argument() (any, error) {
	if p.Value == nil {
		return nil, nil
	}
	text := fmt.Sprint(p.Value)
	switch p.Type {
	case "":
		return untyped(p.Value), nil
	case "int", "bigint", "smallint", "tinyint":
		return wrong[int64](p.Type)(strconv.ParseInt(text, 10, 64))
	case "float", "real":
		return wrong[float64](p.Type)(strconv.ParseFloat(text, 64))
	case "bit":
		return wrong[bool](p.Type)(strconv.ParseBool(strings.ToLower(text)))
	case "varchar", "char", "text":
		return mssql.VarChar(text), nil
	case "binary", "varbinary":
		return wrong[[]byte]("Base64")(base64.StdEncoding.DecodeString(text))
	case "uniqueidentifier":
		var id mssql.UniqueIdentifier
		return wrong[mssql.UniqueIdentifier](p.Type)(id, id.Scan(text))
	}
	return text, nil
}

// wrong passes a value on, or explains that it is not of its type. The value
// itself may be a secret.
func wrong[T any](kind string) func(v T, err error) (any, error) {
	return func(v T, err error) (any, error) {
		if err != nil {
			return nil, fmt.Errorf("its value is no %s", kind)
		}
		return v, nil
	}
}

func untyped(value any) any {
	number, ok := value.(json.Number)
	if !ok {
		return value
	}
	if n, err := number.Int64(); err == nil {
		return n
	}
	if f, err := number.Float64(); err == nil {
		return f
	}
	return number.String()
}

// column is a column of a result set and its value in the current row.
type column struct {
	name  []byte // as JSON
	kind  string
	value any
}

func newColumn(i int, t *sql.ColumnType) column {
	name := t.Name()
	if name == "" {
		name = "Column" + strconv.Itoa(i+1)
	}
	quoted, _ := json.Marshal(name) // a string always has a form
	return column{name: quoted, kind: t.DatabaseTypeName()}
}

// layouts of times by data type; the others have date and time.
var layouts = map[string]string{"DATE": time.DateOnly, "TIME": "15:04:05.9999999", "DATETIMEOFFSET": "2006-01-02T15:04:05.9999999Z07:00"}

func (c *column) json() ([]byte, error) {
	switch v := c.value.(type) {
	case time.Time:
		layout := layouts[c.kind]
		if layout == "" {
			layout = "2006-01-02T15:04:05.9999999"
		}
		return json.Marshal(v.Format(layout))
	case []byte:
		return c.bytes(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return []byte("null"), nil
		}
	}
	return json.Marshal(c.value)
}

// bytes writes what the driver gives as bytes: exact numbers as they are,
// identifiers in their text form, the rest in Base64.
func (c *column) bytes(v []byte) ([]byte, error) {
	switch c.kind {
	case "DECIMAL", "NUMERIC", "MONEY", "SMALLMONEY":
		if json.Valid(v) {
			return slices.Clone(v), nil
		}
		return json.Marshal(string(v))
	case "UNIQUEIDENTIFIER":
		if len(v) == 16 {
			return json.Marshal(identifier(v))
		}
	}
	return json.Marshal(v)
}

// identifier writes a GUID, whose first three groups have their low byte first.
func identifier(v []byte) string {
	order := []byte{v[3], v[2], v[1], v[0], v[5], v[4], v[7], v[6]}
	h := hex.EncodeToString(append(order, v[8:]...))
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

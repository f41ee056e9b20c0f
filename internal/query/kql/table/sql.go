package table

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	unixTicks = "621355968000000000"
	rowTicks  = "epoch_ns(time)//100+" + unixTicks
)

// member is a text of a JSON object that a column holds, ” when it is absent.
//
// An object without the name is not parsed.
func member(object, name string) string {
	return "CASE WHEN " + has(object, name) + " THEN coalesce(" + extract(object, name) + ", '') ELSE '' END"
}

func memberOrNull(object, name string) string {
	return "CASE WHEN " + has(object, name) + " THEN " + extract(object, name) + " END"
}

// optional is a member that is NULL when it is absent or empty.
func optional(object, name string) string {
	return "CASE WHEN " + has(object, name) + " AND NOT contains(" + object + ", " + literal(`"`+name+`":""`) + ") THEN " + extract(object, name) + " END"
}

// has looks for a name in a JSON object of this program, whose writers put no
// blank behind a colon and escape no letter, digit, dot or line of a name.
func has(object, name string) string {
	return "contains(" + object + ", " + literal(`"`+name+`"`) + ")"
}

func extract(object, name string) string {
	return "json_extract_string(" + object + ", " + literal(`$."`+name+`"`) + ")"
}

// filled is a text that is NULL when it is empty. DuckDB's nullif is the same,
// at twenty times the cost of planning.
func filled(sql string) string {
	return "CASE WHEN " + operand(sql) + "='' THEN NULL ELSE " + operand(sql) + " END"
}

// number is a number of a JSON object, NULL when it is absent or no number.
func number(object, name string) string {
	return "try_cast(" + memberOrNull(object, name) + " AS DOUBLE)"
}

// first gives the first text that is not NULL, ” when all are. The alternatives
// are expressions of type VARCHAR; all but the last are NULL when they are empty.
func first(alternatives ...string) string {
	return "coalesce(" + strings.Join(alternatives, ", ") + ", '')"
}

// jsonOf is a column with a JSON object as a dynamic value, NULL when it is empty.
func jsonOf(column string) string { return "CAST(" + filled(column) + " AS JSON)" }

// texts is a column with a JSON object in which numbers and booleans are texts,
// as all custom dimensions are. The quick way takes a quote with a colon behind
// it for the end of a name, and is not taken where one may be the start of a text.
func texts(column string) string {
	const (
		doubtful = `[{,:\[]":`
		scalar   = `([^\\])":(-?[0-9][0-9.eE+-]*|true|false)([,}])`
	)
	return "CAST(CASE WHEN " + column + "='' THEN NULL WHEN regexp_matches(" + column + ", '" + doubtful + "') THEN " + textsOneByOne(column) +
		" ELSE regexp_replace(" + column + ", '" + scalar + "', '\\1\":\"\\2\"\\3', 'g') END AS JSON)"
}

func textsOneByOne(object string) string {
	const (
		path  = "'/'||replace(replace(k, '~', '~0'), '/', '~1')"
		value = "json_extract(%, " + path + ")"
	)
	one := strings.ReplaceAll("CASE WHEN json_type("+value+") IN ('OBJECT', 'ARRAY', 'NULL') THEN CAST("+value+" AS VARCHAR)"+
		" ELSE CAST(to_json(json_extract_string(%, "+path+")) AS VARCHAR) END", "%", object)
	return "'{'||array_to_string([CAST(to_json(k) AS VARCHAR)||':'||" + one + " FOR k IN json_keys(" + object + ")], ',')||'}'"
}

// guid makes an id of what identifies a row.
func guid(parts ...string) string {
	return "CAST(CAST(md5(concat_ws('|', " + strings.Join(parts, ", ") + ")) AS UUID) AS VARCHAR)"
}

// bucket names the class of a duration in milliseconds.
func bucket(ms string) string {
	classes := []struct{ below, name string }{
		{"250", "<250ms"}, {"500", "250ms-500ms"}, {"1000", "500ms-1sec"}, {"3000", "1sec-3sec"}, {"7000", "3sec-7sec"}, {"15000", "7sec-15sec"},
		{"30000", "15sec-30sec"}, {"60000", "30sec-1min"}, {"120000", "1min-2min"}, {"300000", "2min-5min"},
	}
	var b strings.Builder
	b.WriteString("CASE WHEN " + ms + " IS NULL THEN ''")
	for _, c := range classes {
		b.WriteString(" WHEN " + ms + "<" + c.below + " THEN " + literal(c.name))
	}
	return b.String() + " ELSE '>=5min' END"
}

// object is a JSON object of the pairs whose value is neither NULL nor ”. The
// base, of type JSON, is overlaid.
func object(base string, pairs values) string {
	var b strings.Builder
	b.WriteString("json_merge_patch(coalesce(" + base + ", '{}'), json_object(")
	for n, name := range sorted(pairs) {
		if n > 0 {
			b.WriteString(", ")
		}
		b.WriteString(literal(name) + ", " + filled(pairs[name]))
	}
	return b.String() + "))"
}

func sorted(v values) []string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// size is an estimate of an item's size as JSON: the envelope and its texts.
func size(columns ...string) string {
	return "CAST(" + strconv.Itoa(envelopeBytes) + "+strlen(" + strings.Join(columns, ")+strlen(") + ") AS DOUBLE)"
}

// envelopeBytes is about what the fields of an item take that are not texts of
// the sender.
const envelopeBytes = 600

// when is CASE WHEN condition THEN yes ELSE no END.
func when(condition, yes, no string) string {
	return "CASE WHEN " + condition + " THEN " + yes + " ELSE " + no + " END"
}

// fromGateway includes the rows of a request in a second workspace.
const fromGateway = "source LIKE 'gateway%'"

// bySource is one expression for rows of the gateway and another for the rest.
func bySource(gateway, others string) string { return when(fromGateway, gateway, others) }

// bySender is a branch as two: of the gateway's rows and of the rest, with a
// condition each. Each reads the columns that it needs alone: a day of the
// gateway's rows is counted without their attributes and paths. DuckDB compares
// with constants, and a LIKE that ends with %, before it reads other columns.
func bySender(b branch, gateway, others string) []branch {
	return []branch{b.given("false", others+" AND source<>'gateway' AND NOT ("+fromGateway+")"), b.given("true", gateway+" AND "+fromGateway)}
}

// foreignTag finds the tests for tags that the gateway never writes: of its own
// rows it writes only who called.
var foreignTag = regexp.MustCompile(`contains\(tags, '"(?:[^s"]|s[^o"]|so[^u"])[^"]*"'\)`)

// given is the branch for rows of which it is known whether they are the gateway's.
func (b branch) given(gateway, where string) branch {
	known := func(v values) values {
		out := values{}
		for name, sql := range v {
			sql = strings.ReplaceAll(sql, fromGateway, gateway)
			if gateway == "true" {
				sql = foreignTag.ReplaceAllLiteralString(sql, "false")
			}
			out[name] = sql
		}
		return out
	}
	out := branch{source: b.source, from: b.from, where: where, sql: known(b.sql), keys: map[string]values{}}
	for column, keys := range b.keys {
		out.keys[column] = known(keys)
	}
	return out
}

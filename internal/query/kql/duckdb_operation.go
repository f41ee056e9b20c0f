package kql

import "gatehouse/internal/query/kql/table"

// operations is the SQL for DuckDB of what the binder builds itself:
// comparisons, arithmetic and conversions. Names of conversions are "to long
// of string".
func operations() map[string]string {
	m := map[string]string{
		"and": "({0} AND {1})", "or": "({0} OR {1})",
		"==": "({0} = {1})", "!=": "({0} IS DISTINCT FROM {1})",
		"<": "({0} < {1})", "<=": "({0} <= {1})", ">": "({0} > {1})", ">=": "({0} >= {1})",
		"=~": "(lower({0}) = lower({1}))", "!~": "(lower({0}) <> lower({1}))",
		"+": "({0} + {1})", "-": "({0} - {1})", "*": "({0} * {1})", "/": "({0} / {1})", "%": "({0} % {1})",
		"divide long":     "({0} // {1})",
		"divide timespan": "(CAST({0} AS DOUBLE) / {1})",
		"scale":           "TRY_CAST({0} * {1} AS BIGINT)",
		"shrink":          "TRY_CAST({0} / {1} AS BIGINT)",
		"negate":          "(-({0}))",
		"contains":        "contains(lower({0}), lower({1}))", "contains_cs": "contains({0}, {1})",
		"startswith": "starts_with(lower({0}), lower({1}))", "startswith_cs": "starts_with({0}, {1})",
		"endswith": "ends_with(lower({0}), lower({1}))", "endswith_cs": "ends_with({0}, {1})",
		"term":           "(contains(lower({0}), lower({1})) AND regexp_matches({0}, {2}))",
		"term_cs":        "(contains({0}, {1}) AND regexp_matches({0}, {2}))",
		"term alone":     "regexp_matches({0}, {1})",
		"term of column": "kql_has({0}, {1}, {2})",
		"matches regex":  "regexp_matches({0}, {1})",
		"extract":        "regexp_extract({0}, {1}, {2})",
		"parse groups":   "coalesce(kql_parse({0}, {1}), '')",
		"parse group":    "coalesce(json_extract_string(nullif({0}, ''), {1}), '')",
		"not":            "(NOT {0})", "as text": "{0}", "group": "{0}", "not or null": "coalesce(NOT {0}, true)",
		"in":                "({0} IN ({1}{*}))",
		"in array":          "list_contains(CAST(CASE WHEN json_type({1}) = 'ARRAY' THEN {1} ELSE json_array({1}) END AS JSON[]), to_json({0}))",
		"in~ array":         "list_contains(list_transform(CAST(CASE WHEN json_type({1}) = 'ARRAY' THEN {1} ELSE json_array({1}) END AS JSON[]), lambda e: lower(json_extract_string(e, '$'))), lower({0}))",
		"any array":         "kql_has_terms({0}, CAST({1} AS VARCHAR), false)",
		"all array":         "kql_has_terms({0}, CAST({1} AS VARCHAR), true)",
		"is null":           "({0} IS NULL)",
		"is empty":          "({0} = '')",
		"if":                "CASE WHEN {0} THEN {1} ELSE {2} END",
		"coalesce":          "coalesce({0}{*})",
		"non-empty":         "nullif({0}, '')",
		"concat":            "concat({0}{*})",
		"delimit":           "concat_ws({0}{*})",
		"least":             "least({0}{*})",
		"greatest":          "greatest({0}{*})",
		"pack array":        "json_array({0}{*})",
		"pack":              "json_object({0}{*})",
		"bin ticks":         "({0} // {1} * {1})",
		"bin long":          "({0} - (({0} % {1}) + {1}) % {1})",
		"bin real":          "(floor({0} / {1}) * {1})",
		"floor":             "floor({0})",
		"member":            "nullif(json_extract({0}, {1}), 'null')",
		"member of":         "nullif(json_extract({0}, concat('$.\"', replace(replace({1}, '\\', '\\\\'), '\"', '\\\"'), '\"')), 'null')",
		"element of":        "nullif(json_extract({0}, CASE WHEN {1} < 0 THEN concat('$[#', CAST({1} AS VARCHAR), ']') ELSE concat('$[', CAST({1} AS VARCHAR), ']') END), 'null')",
		"elements":          "CAST(CASE json_type({0}) WHEN 'ARRAY' THEN {0} WHEN 'OBJECT' THEN CAST(kql_bag_elements(CAST({0} AS VARCHAR)) AS JSON) ELSE json_array({0}) END AS JSON[])",
		"elements of array": "CAST(CASE json_type({0}) WHEN 'ARRAY' THEN {0} WHEN 'OBJECT' THEN CAST(kql_bag_pairs(CAST({0} AS VARCHAR)) AS JSON) ELSE json_array({0}) END AS JSON[])",
		"parse pairs":       "coalesce(kql_pairs({0}, {1}), '')",
		"pack filled":       "CAST(kql_filled(CAST(json_object({0}{*}) AS VARCHAR)) AS JSON)",
		"+ long":            "TRY({0} + {1})", "- long": "TRY({0} - {1})", "* long": "TRY({0} * {1})",
		"part of column":       "kql_has_part({0}, {1}, {2}, {3}, {4})",
		"members":              "CAST(CASE json_type({0}) WHEN 'OBJECT' THEN CAST(kql_bag_pairs(CAST({0} AS VARCHAR)) AS JSON) ELSE CAST('[]' AS JSON) END AS JSON[])",
		"json type":            "json_type({0})",
		"common of sketches":   "kql_common(CAST(json_array({0}{*}) AS VARCHAR))",
		"percentile of digest": "kql_digest_percentile(CAST({0} AS VARCHAR), {1})",
		"non-null":             "nullif({0}, 'null')",
		"row_number":           "row_number()", "lag": "lag({0}, {1}, {2})", "lead": "lead({0}, {1}, {2})", "running sum": "sum({0})",
		"running count": "sum(CASE WHEN {0} THEN 1 ELSE 0 END)", "dense_rank": "dense_rank()", "rank": "rank()",
		"position": "row_number()", "row id": "row_number() OVER ()",
	}
	for k, v := range conversions() {
		m[k] = v
	}
	return m
}

func conversion(to, from table.Type) string { return "to " + to.String() + " of " + from.String() }

func conversions() map[string]string {
	m := map[string]string{}
	add := func(to table.Type, sql string, from ...table.Type) {
		for _, f := range from {
			m[conversion(to, f)] = sql
		}
	}
	add(table.String, "lower(CAST({0} AS VARCHAR))", table.Bool)
	add(table.String, "CAST({0} AS VARCHAR)", table.Int, table.Long)
	add(table.String, "kql_real_text({0})", table.Real, table.Decimal)
	add(table.String, "kql_datetime_text({0})", table.Datetime)
	add(table.String, "kql_timespan_text({0})", table.Timespan)
	add(table.String, "{0}", table.GUID)
	add(table.String, "json_extract_string({0}, '$')", table.Dynamic)
	for to, name := range map[table.Type]string{table.Int: "INTEGER", table.Long: "BIGINT"} {
		add(to, "TRY_CAST(regexp_extract({0}, '^\\s*([+-]?[0-9]+)\\s*$', 1) AS "+name+")", table.String)
		add(to, "TRY_CAST({0} AS "+name+")", table.Int, table.Long, table.Bool, table.Datetime, table.Timespan)
		add(to, "TRY_CAST(trunc({0}) AS "+name+")", table.Real, table.Decimal)
		add(to, "TRY_CAST(kql_json_long(CAST({0} AS VARCHAR)) AS "+name+")", table.Dynamic)
	}
	for _, to := range []table.Type{table.Real, table.Decimal} {
		add(to, "TRY_CAST(nullif(trim({0}), '') AS DOUBLE)", table.String)
		add(to, "CAST({0} AS DOUBLE)", table.Int, table.Long, table.Bool, table.Real, table.Decimal, table.Datetime, table.Timespan)
		add(to, "TRY_CAST(json_extract_string({0}, '$') AS DOUBLE)", table.Dynamic)
	}
	add(table.Bool, "kql_bool({0})", table.String)
	add(table.Bool, "({0} <> 0)", table.Int, table.Long, table.Real, table.Decimal)
	add(table.Bool, "kql_bool(json_extract_string({0}, '$'))", table.Dynamic)
	add(table.Datetime, "kql_datetime({0})", table.String)
	add(table.Datetime, "{0}", table.Long, table.Timespan)
	add(table.Datetime, "TRY_CAST({0} AS BIGINT)", table.Int, table.Real)
	add(table.Datetime, "kql_datetime(json_extract_string({0}, '$'))", table.Dynamic)
	add(table.Timespan, "kql_timespan({0})", table.String)
	add(table.Timespan, "CAST({0} AS BIGINT)", table.Long, table.Int, table.Datetime)
	add(table.Timespan, "TRY_CAST({0} * 864000000000.0 AS BIGINT)", table.Real)
	add(table.Timespan, "kql_timespan(json_extract_string({0}, '$'))", table.Dynamic)
	add(table.GUID, "kql_guid({0})", table.String)
	add(table.GUID, "kql_guid(json_extract_string({0}, '$'))", table.Dynamic)
	add(table.Dynamic, "to_json({0})", table.String, table.Bool, table.Int, table.Long, table.GUID)
	add(table.Dynamic, "CAST(kql_real_json({0}) AS JSON)", table.Real, table.Decimal)
	add(table.Dynamic, "to_json(kql_datetime_text({0}))", table.Datetime)
	add(table.Dynamic, "to_json(kql_timespan_text({0}))", table.Timespan)
	return m
}

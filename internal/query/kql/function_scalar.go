package kql

import "slices"

// scalarFunctions is the table of scalar functions; a new one is a line here.
// What needs more than a text (iff, case, coalesce, bin, now, ...) is bound in
// code, see bind_special.go.
func scalarFunctions() []function {
	return slices.Concat(textFunctions(), numberFunctions(), timeFunctions(), dynamicFunctions(), seriesFunctions(), networkFunctions(), parserFunctions(), convertFunctions(), filterFunctions(), seasonFunctions(), geoFunctions(), digestFunctions(), spectrumFunctions(), agentFunctions())
}

func textFunctions() []function {
	return []function{
		{"strlen", "s", "l", "length({0})", withPrefix},
		{"string_size", "s", "l", "strlen({0})", withPrefix},
		{"tolower", "s", "s", "lower({0})", unnamed},
		{"toupper", "s", "s", "upper({0})", unnamed},
		{"substring", "sl?l", "s", "kql_substring({0}, {1}, {2|9223372036854775807})", unnamed},
		{"indexof", "ss?lll", "l", "kql_indexof({0}, {1}, {2|0}, {3|-1}, {4|1})", unnamed},
		{"strrep", "sl?s", "s", "kql_repeat_text({0}, {1}, {2|''})", unnamed},
		{"reverse", "s", "s", "reverse({0})", unnamed},
		{"split", "ss?l", "j", "CAST(kql_split({0}, {1}, {2|-1}) AS JSON)", asArgument},
		{"trim", "ss", "s", "kql_trim({0}, {1}, 3::BIGINT)", unnamed},
		{"trim_start", "ss", "s", "kql_trim({0}, {1}, 1::BIGINT)", unnamed},
		{"trim_end", "ss", "s", "kql_trim({0}, {1}, 2::BIGINT)", unnamed},
		{"trim_ws", "s", "s", "trim({0})", unnamed},
		{"replace_string", "sss", "s", "replace({0}, {1}, {2})", unnamed},
		{"replace_regex", "sss", "s", "kql_replace_regex({0}, {1}, {2})", unnamed},
		{"replace", "sss", "s", "kql_replace_regex({2}, {0}, {1})", unnamed},
		{"replace_strings", "sjj", "s", "kql_replace_strings({0}, CAST({1} AS VARCHAR), CAST({2} AS VARCHAR))", unnamed},
		{"translate", "sss", "s", "kql_translate({2}, {0}, {1})", unnamed},
		{"extract_all", "ss", "j", "CAST(kql_extract_all({1}, {0}, '[]') AS JSON)", unnamed},
		{"extract_all", "sjs", "j", "CAST(kql_extract_all({2}, {0}, CAST({1} AS VARCHAR)) AS JSON)", unnamed},
		{"countof", "ss?s", "l", "kql_countof({0}, {1}, {2|'normal'})", unnamed},
		{"regex_quote", "s", "s", "kql_regex_quote({0})", unnamed},
		{"strcmp", "ss", "l", "CASE WHEN {0} < {1} THEN -1 WHEN {0} > {1} THEN 1 ELSE 0 END", unnamed},
		{"url_encode", "s", "s", "kql_url_encode({0}, false)", unnamed},
		{"url_encode_component", "s", "s", "kql_url_encode({0}, true)", unnamed},
		{"url_decode", "s", "s", "kql_url_decode({0})", unnamed},
		{"base64_encode_tostring", "s", "s", "to_base64(encode({0}))", unnamed},
		{"base64_encodestring", "s", "s", "to_base64(encode({0}))", unnamed},
		{"base64_decode_tostring", "s", "s", "kql_base64_decode({0})", unnamed},
		{"base64_decodestring", "s", "s", "kql_base64_decode({0})", unnamed},
		{"base64_encode_fromguid", "g", "s", "kql_base64_of_guid({0})", unnamed},
		{"base64_decode_toguid", "s", "g", "kql_guid_of_base64({0})", unnamed},
		{"hash_sha256", "a", "s", "sha256({0})", unnamed},
		{"hash_sha1", "a", "s", "sha1({0})", unnamed},
		{"hash_md5", "a", "s", "md5({0})", unnamed},
		{"hash", "a?l", "l", "CASE WHEN {1|0} > 0 THEN ((hash({0}) >> 11)::BIGINT % {1|1}) ELSE (hash({0}) >> 11)::BIGINT END", unnamed},
		{"parse_url", "s", "j", "CAST(kql_parse_url({0}) AS JSON)", unnamed},
		{"parseurl", "s", "j", "CAST(kql_parse_url({0}) AS JSON)", unnamed},
		{"parse_urlquery", "s", "j", "CAST(kql_parse_urlquery({0}) AS JSON)", unnamed},
		{"parse_version", "s", "s", "kql_parse_version({0})", unnamed},
		{"parse_ipv4", "s", "l", "kql_parse_ipv4({0})", unnamed},
		{"ipv4_is_private", "s", "b", "kql_ipv4_is_private({0})", unnamed},
		{"ipv4_is_in_range", "ss", "b", "kql_ip_in_range({0}, {1})", unnamed},
		{"ipv6_is_in_range", "ss", "b", "kql_ip_in_range({0}, {1})", unnamed},
		{"unicode_codepoints_from_string", "s", "j", "CAST(kql_codepoints({0}) AS JSON)", unnamed},
		{"to_utf8", "s", "j", "CAST(kql_codepoints({0}) AS JSON)", unnamed},
		{"isascii", "s", "b", "length({0}) = strlen({0})", unnamed},
		{"new_guid", "", "g", "CAST(uuid() AS VARCHAR)", unnamed},
		{"tohex", "l?l", "s", "kql_tohex({0}, {1|0})", unnamed},
		{"has_any_index", "sj", "l", "kql_has_any_index({0}, CAST({1} AS VARCHAR))", unnamed},
		{"punctuation", "s", "s", "regexp_replace({0}, '[\\p{L}\\p{N}]', '', 'g')", unnamed},
	}
}

func numberFunctions() []function {
	return []function{
		{"abs", "n", "0", "abs({0})", unnamed},
		{"abs", "t", "t", "abs({0})", unnamed},
		{"sign", "n", "0", "sign({0})", unnamed},
		{"ceiling", "n", "0", "ceil({0})", unnamed},
		{"round", "r?l", "r", "kql_round({0}, {1|0})", asArgument},
		{"sqrt", "r", "r", "kql_sqrt({0})", unnamed},
		{"exp", "r", "r", "exp({0})", unnamed},
		{"exp2", "r", "r", "pow(2.0::DOUBLE, {0})", unnamed},
		{"exp10", "r", "r", "pow(10.0::DOUBLE, {0})", unnamed},
		{"log", "r", "r", "kql_log({0})", unnamed},
		{"log2", "r", "r", "kql_log({0}) / ln(2.0::DOUBLE)", unnamed},
		{"log10", "r", "r", "kql_log10({0})", unnamed},
		{"loggamma", "r", "r", "lgamma({0})", unnamed},
		{"gamma", "r", "r", "gamma({0})", unnamed},
		{"pow", "rr", "r", "pow({0}, {1})", unnamed},
		{"sin", "r", "r", "sin({0})", unnamed},
		{"cos", "r", "r", "cos({0})", unnamed},
		{"tan", "r", "r", "tan({0})", unnamed},
		{"cot", "r", "r", "cot({0})", unnamed},
		{"asin", "r", "r", "CASE WHEN abs({0}) <= 1 THEN asin({0}) ELSE 'nan'::DOUBLE END", unnamed},
		{"acos", "r", "r", "CASE WHEN abs({0}) <= 1 THEN acos({0}) ELSE 'nan'::DOUBLE END", unnamed},
		{"atan", "r", "r", "atan({0})", unnamed},
		{"atan2", "rr", "r", "atan2({0}, {1})", unnamed},
		{"degrees", "r", "r", "degrees({0})", unnamed},
		{"radians", "r", "r", "radians({0})", unnamed},
		{"pi", "", "r", "pi()", unnamed},
		{"rand", "?l", "r", "CASE WHEN {0|0} > 1 THEN floor(random() * {0|1}) ELSE random() END", unnamed},
		{"isnan", "r", "b", "coalesce(isnan({0}), false)", unnamed},
		{"isinf", "r", "b", "coalesce(isinf({0}), false)", unnamed},
		{"isfinite", "r", "b", "coalesce(isfinite({0}), false)", unnamed},
		{"binary_and", "ll", "l", "({0} & {1})", unnamed},
		{"binary_or", "ll", "l", "({0} | {1})", unnamed},
		{"binary_xor", "ll", "l", "xor({0}, {1})", unnamed},
		{"binary_not", "l", "l", "(~{0})", unnamed},
		{"binary_shift_left", "ll", "l", "kql_shift({0}, {1})", unnamed},
		{"binary_shift_right", "ll", "l", "kql_shift({0}, -({1}))", unnamed},
		{"bitset_count_ones", "l", "l", "bit_count({0})::BIGINT", unnamed},
		{"not", "b", "b", "(NOT {0})", unnamed},
	}
}

const (
	dayTicks = "864000000000"
	// calendar is the date of a time in ticks; ticksOf is the way back.
	calendar = "(DATE '0001-01-01' + CAST({0} // 864000000000 AS INTEGER))"
)

func ticksOf(date string) string {
	return "(date_diff('day', DATE '0001-01-01', CAST(" + date + " AS DATE)) * " + dayTicks + ")"
}

func startOf(unit string) string {
	return ticksOf("date_trunc('" + unit + "', " + calendar + ") + to_" + unit + "s(CAST({1|0} AS INTEGER))")
}

func endOf(unit string) string {
	return ticksOf("date_trunc('"+unit+"', "+calendar+") + to_"+unit+"s(CAST({1|0} + 1 AS INTEGER))") + " - 1"
}

func timeFunctions() []function {
	week := "(({0} // 864000000000 + 1) // 7 * 7 - 1 + {1|0} * 7) * 864000000000"
	return []function{
		{"startofday", "d?l", "d", "({0} // 864000000000 + {1|0}) * 864000000000", asArgument},
		{"startofweek", "d?l", "d", week, asArgument},
		{"startofmonth", "d?l", "d", startOf("month"), asArgument},
		{"startofyear", "d?l", "d", startOf("year"), asArgument},
		{"endofday", "d?l", "d", "(({0} // 864000000000 + {1|0} + 1) * 864000000000 - 1)", asArgument},
		{"endofweek", "d?l", "d", "(" + week + " + 7 * 864000000000 - 1)", asArgument},
		{"endofmonth", "d?l", "d", "(" + endOf("month") + ")", asArgument},
		{"endofyear", "d?l", "d", "(" + endOf("year") + ")", asArgument},
		{"dayofweek", "d", "t", "((({0} // 864000000000 + 1) % 7) * 864000000000)", unnamed},
		{"dayofmonth", "d", "i", "day(" + calendar + ")::INTEGER", unnamed},
		{"dayofyear", "d", "i", "dayofyear(" + calendar + ")::INTEGER", unnamed},
		{"monthofyear", "d", "i", "month(" + calendar + ")::INTEGER", unnamed},
		{"getmonth", "d", "i", "month(" + calendar + ")::INTEGER", unnamed},
		{"getyear", "d", "i", "year(" + calendar + ")::INTEGER", unnamed},
		{"weekofyear", "d", "i", "week(" + calendar + ")::INTEGER", unnamed},
		{"week_of_year", "d", "i", "week(" + calendar + ")::INTEGER", unnamed},
		{"hourofday", "d", "i", "(({0} // 36000000000) % 24)::INTEGER", unnamed},
		{"datetime_add", "sld", "d", "kql_datetime_add({0}, {1}, {2})", unnamed},
		{"datetime_diff", "sdd", "l", "kql_datetime_diff({0}, {1}, {2})", unnamed},
		{"datetime_part", "sd", "i", "kql_datetime_part({0}, {1})::INTEGER", unnamed},
		{"datetime_local_to_utc", "ds", "d", "kql_local_to_utc({0}, {1})", unnamed},
		{"datetime_utc_to_local", "ds", "d", "kql_utc_to_local({0}, {1})", unnamed},
		{"format_datetime", "ds", "s", "kql_format_datetime({0}, {1})", unnamed},
		{"format_timespan", "ts", "s", "kql_format_timespan({0}, {1})", unnamed},
		{"make_datetime", "lll?llr", "d", "kql_make_datetime({0}, {1}, {2}, {3|0}, {4|0}, {5|0.0::DOUBLE})", unnamed},
		{"make_datetime", "s", "d", "kql_datetime({0})", unnamed},
		{"make_timespan", "lll?lr", "t", "kql_make_timespan({0}, {1}, {2}, {3|-1}, {4|0.0::DOUBLE})", unnamed},
		{"unixtime_seconds_todatetime", "r", "d", "CAST(round({0} * 10000000.0) AS BIGINT) + 621355968000000000", unnamed},
		{"unixtime_milliseconds_todatetime", "r", "d", "CAST(round({0} * 10000.0) AS BIGINT) + 621355968000000000", unnamed},
		{"unixtime_microseconds_todatetime", "r", "d", "CAST(round({0} * 10.0) AS BIGINT) + 621355968000000000", unnamed},
		{"unixtime_nanoseconds_todatetime", "l", "d", "{0} // 100 + 621355968000000000", unnamed},
		{"ingestion_time", "", "d", "CAST(NULL AS BIGINT)", unnamed},
	}
}

func dynamicFunctions() []function {
	return []function{
		{"parse_json", "j", "j", "{0}", asArgument},
		{"parse_json", "s", "j", "CAST(kql_parse_json({0}) AS JSON)", asArgument},
		{"array_length", "j", "l", "CASE WHEN json_type({0}) = 'ARRAY' THEN json_array_length({0})::BIGINT END", unnamed},
		{"array_concat", "j*", "j", "CAST(kql_array_concat(CAST(json_array({0}{*}) AS VARCHAR)) AS JSON)", unnamed},
		{"array_sum", "j", "r", "kql_array_sum(CAST({0} AS VARCHAR))", unnamed},
		{"array_sort_asc", "j", "j", "CAST(kql_array_sort(CAST({0} AS VARCHAR), false) AS JSON)", unnamed},
		{"array_sort_desc", "j", "j", "CAST(kql_array_sort(CAST({0} AS VARCHAR), true) AS JSON)", unnamed},
		{"array_reverse", "j", "j", "CAST(kql_array_reverse(CAST({0} AS VARCHAR)) AS JSON)", unnamed},
		{"array_slice", "jll", "j", "CAST(kql_array_slice(CAST({0} AS VARCHAR), {1}, {2}) AS JSON)", unnamed},
		{"array_split", "jl", "j", "CAST(kql_array_split(CAST({0} AS VARCHAR), {1}) AS JSON)", unnamed},
		{"array_index_of", "ja", "l", "kql_array_index_of(CAST({0} AS VARCHAR), CAST(to_json({1}) AS VARCHAR))", unnamed},
		{"array_iff", "jaa", "j", "CAST(kql_array_iff(CAST({0} AS VARCHAR), CAST(to_json({1}) AS VARCHAR), CAST(to_json({2}) AS VARCHAR)) AS JSON)", unnamed},
		{"array_rotate_left", "jl", "j", "CAST(kql_array_rotate(CAST({0} AS VARCHAR), {1}) AS JSON)", unnamed},
		{"array_rotate_right", "jl", "j", "CAST(kql_array_rotate(CAST({0} AS VARCHAR), -({1})) AS JSON)", unnamed},
		{"array_shift_left", "jl", "j", "CAST(kql_array_shift(CAST({0} AS VARCHAR), {1}) AS JSON)", unnamed},
		{"array_shift_right", "jl", "j", "CAST(kql_array_shift(CAST({0} AS VARCHAR), -({1})) AS JSON)", unnamed},
		{"repeat", "jl", "j", "CAST(kql_repeat(CAST({0} AS VARCHAR), {1}) AS JSON)", unnamed},
		{"range", "ll?l", "j", "CAST(kql_range_long({0}, {1}, {2|1}) AS JSON)", unnamed},
		{"range", "rr?r", "j", "CAST(kql_range_real({0}, {1}, {2|1.0::DOUBLE}) AS JSON)", unnamed},
		{"range", "dd?t", "j", "CAST(kql_range_datetime({0}, {1}, {2|36000000000}) AS JSON)", unnamed},
		{"range", "tt?t", "j", "CAST(kql_range_timespan({0}, {1}, {2|36000000000}) AS JSON)", unnamed},
		{"strcat_array", "js", "s", "kql_strcat_array(CAST({0} AS VARCHAR), {1})", unnamed},
		{"bag_keys", "j", "j", "CASE WHEN json_type({0}) = 'OBJECT' THEN to_json(json_keys({0})) END", unnamed},
		{"bag_has_key", "js", "b", "coalesce(list_contains(json_keys({0}), {1}), false)", unnamed},
		{"bag_remove_keys", "jj", "j", "CAST(kql_bag_remove_keys(CAST({0} AS VARCHAR), CAST({1} AS VARCHAR)) AS JSON)", unnamed},
		{"bag_merge", "j*", "j", "CAST(kql_bag_merge(CAST(json_array({0}{*}) AS VARCHAR)) AS JSON)", unnamed},
		{"bag_set_key", "jsa", "j", "CAST(kql_bag_set_key(CAST({0} AS VARCHAR), {1}, CAST(to_json({2}) AS VARCHAR)) AS JSON)", unnamed},
		{"bag_zip", "jj", "j", "CAST(kql_bag_zip(CAST({0} AS VARCHAR), CAST({1} AS VARCHAR)) AS JSON)", unnamed},
		{"set_union", "j*", "j", "CAST(kql_set_union(CAST(json_array({0}{*}) AS VARCHAR)) AS JSON)", unnamed},
		{"set_intersect", "j*", "j", "CAST(kql_set_intersect(CAST(json_array({0}{*}) AS VARCHAR)) AS JSON)", unnamed},
		{"set_difference", "j*", "j", "CAST(kql_set_difference(CAST(json_array({0}{*}) AS VARCHAR)) AS JSON)", unnamed},
		{"set_equals", "jj", "b", "kql_set_equals(CAST({0} AS VARCHAR), CAST({1} AS VARCHAR))", unnamed},
		{"set_has_element", "ja", "b", "kql_array_index_of(CAST({0} AS VARCHAR), CAST(to_json({1}) AS VARCHAR)) >= 0", unnamed},
		{"jaccard_index", "jj", "r", "kql_jaccard(CAST({0} AS VARCHAR), CAST({1} AS VARCHAR))", unnamed},
		{"treepath", "j", "j", "CAST(kql_treepath(CAST({0} AS VARCHAR)) AS JSON)", unnamed},
		{"zip", "j*", "j", "CAST(kql_zip(CAST(json_array({0}{*}) AS VARCHAR)) AS JSON)", unnamed},
		{"extract_json", "sj", "s", "kql_extract_json({0}, CAST({1} AS VARCHAR))", unnamed},
		{"extract_json", "ss", "s", "kql_extract_json({0}, {1})", unnamed},
		{"extractjson", "ss", "s", "kql_extract_json({0}, {1})", unnamed},
		{"extractjson", "sj", "s", "kql_extract_json({0}, CAST({1} AS VARCHAR))", unnamed},
		{"dynamic_to_json", "j", "s", "kql_sorted_json(CAST({0} AS VARCHAR))", unnamed},
		{"gettype", "j", "s", "kql_gettype(CAST({0} AS VARCHAR))", unnamed},
		{"dcount_hll", "j", "l", "kql_dcount_hll(CAST({0} AS VARCHAR))", unnamed},
	}
}

func seriesFunctions() []function {
	var out []function
	for _, name := range []string{"add", "subtract", "multiply", "divide", "pow", "equals", "not_equals", "less", "less_equals", "greater", "greater_equals"} {
		out = append(out, function{"series_" + name, "jj", "j", "CAST(kql_series_pairs('" + name + "', CAST({0} AS VARCHAR), CAST({1} AS VARCHAR)) AS JSON)", unnamed})
	}
	for _, name := range []string{"abs", "exp", "sign", "floor", "ceiling", "log", "sin", "cos", "tan", "asin", "acos", "atan", "cumsum", "not"} {
		out = append(out, function{"series_" + name, "j", "j", "CAST(kql_series_each('" + name + "', CAST({0} AS VARCHAR)) AS JSON)", unnamed})
	}
	return append(out,
		function{"series_sum", "j", "r", "kql_array_sum(CAST({0} AS VARCHAR))", unnamed},
		function{"series_product", "j", "r", "kql_series_number('product', CAST({0} AS VARCHAR))", unnamed},
		function{"series_magnitude", "j", "r", "kql_series_number('magnitude', CAST({0} AS VARCHAR))", unnamed},
		function{"series_dot_product", "jj", "r", "kql_array_sum(kql_series_pairs('multiply', CAST({0} AS VARCHAR), CAST({1} AS VARCHAR)))", unnamed},
		function{"series_pearson_correlation", "jj", "r", "kql_series_pearson(CAST({0} AS VARCHAR), CAST({1} AS VARCHAR))", unnamed},
		function{"series_fill_const", "ja", "j", "CAST(kql_series_fill('const', CAST({0} AS VARCHAR), CAST(to_json({1}) AS VARCHAR)) AS JSON)", unnamed},
		function{"series_fill_forward", "j", "j", "CAST(kql_series_fill('forward', CAST({0} AS VARCHAR), 'null') AS JSON)", unnamed},
		function{"series_fill_backward", "j", "j", "CAST(kql_series_fill('backward', CAST({0} AS VARCHAR), 'null') AS JSON)", unnamed},
		function{"series_fill_linear", "j", "j", "CAST(kql_series_fill('linear', CAST({0} AS VARCHAR), 'null') AS JSON)", unnamed},
		function{"series_stats_dynamic", "j?b", "j", "CAST(kql_series_stats(CAST({0} AS VARCHAR)) AS JSON)", unnamed},
		function{"series_fit_line_dynamic", "j", "j", "CAST(kql_series_fit_line(CAST({0} AS VARCHAR)) AS JSON)", unnamed},
	)
}

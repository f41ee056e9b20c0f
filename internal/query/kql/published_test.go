package kql

import "testing"

// published are examples of Kusto's documentation with the results that it
// prints, and what follows from its text.
func published() []struct{ query, want string } {
	return []struct{ query, want string }{
		{`print base64_encode_fromguid(toguid("ae3133f2-6e22-49ae-b06a-16e6a9b212eb")), base64_decode_toguid("8jMxriJurkmwahbmqbIS6w=="), base64_decode_toguid("abc")`, "8jMxriJurkmwahbmqbIS6w==,ae3133f2-6e22-49ae-b06a-16e6a9b212eb,null"},
		{`datatable(x:real, y:real)[1, 2, 3, 6, 100, 7] | summarize variancepif(x, x < 50), covarianceif(x, y, x < 50), covariancepif(x, y, x < 50), b = covarianceif(x, y, x > 500)`, "1,4,2,0"},
		{`print parse_ipv4_mask("127.0.0.1", 24), parse_ipv4_mask("192.1.168.2", 31), parse_ipv4_mask("192.1.168.3", 31), parse_ipv4_mask("127.2.3.4", 32)`, "2130706432,3221334018,3221334018,2130838276"},
		{`print parse_ipv6("127.0.0.1"), parse_ipv6(":fe80::85d:e82c:9446:7994"), parse_ipv6("fe80::85d:e82c:9446:7994")`, "0000:0000:0000:0000:0000:ffff:7f00:0001,,fe80:0000:0000:0000:085d:e82c:9446:7994"},
		{`print parse_ipv6_mask("192.168.255.255", 120), parse_ipv6_mask("192.168.255.255/24", 124), parse_ipv6_mask("fe80::85d:e82c:9446:7994", 96)`, "0000:0000:0000:0000:0000:ffff:c0a8:ff00,0000:0000:0000:0000:0000:ffff:c0a8:ff00,fe80:0000:0000:0000:085d:e82c:0000:0000"},
		{`print ipv4_compare("192.168.1.0", "192.168.1.0"), ipv4_compare("192.168.1.1/24", "192.168.1.255/24"), ipv4_compare("192.168.1.1/30", "192.168.1.255/24"), ipv4_compare("192.168.1.1", "192.168.1.2"), ipv4_compare("192.168.1.3", "192.168.1.2"), ipv4_compare("x", "192.168.1.2")`, "0,0,0,-1,1,null"},
		{`print ipv4_compare("192.168.1.1", "192.168.1.0", 31), ipv4_compare("192.168.1.1/24", "192.168.1.255", 31), ipv4_compare("192.168.1.1", "192.168.1.255", 24)`, "0,0,0"},
		{`print ipv4_is_match("127.0.0.1", "127.0.0.1"), ipv4_is_match("192.168.1.1", "192.168.1.255"), ipv4_is_match("192.168.1.1/24", "192.168.1.255/24"), ipv4_is_match("192.168.1.1", "192.168.1.255", 24)`, "true,false,true,true"},
		{`print ipv6_compare("192.168.1.1/24", "192.168.1.255/24"), ipv6_compare("fe80::85d:e82c:9446:7994/127", "fe80::85d:e82c:9446:7995/127"), ipv6_is_match("fe80::85d:e82c:9446:7994", "fe80::85d:e82c:9446:7995", 127), ipv6_compare("192.168.1.1", "192.168.1.0", 127)`, "0,0,true,0"},
		{`print ipv4_is_in_any_range("192.168.1.6", "192.168.1.1/24", "10.0.0.1/8", "127.1.0.1/16"), ipv4_is_in_any_range("192.168.1.6", dynamic(["10.0.0.1/8", "127.1.0.1/16"])), ipv6_is_in_any_range("a5e:f127:8a9d:146d:e102:b5d3:c755:abcd", dynamic(["a5e:f127:8a9d:146d:e102:b5d3:c755:f6cd/112", "0:0:0:0:0:ffff:c0a8:ac/60"]))`, "true,false,true"},
		{`print ipv4_netmask_suffix("10.1.2.3"), ipv4_netmask_suffix("192.168.1.1/24"), ipv4_netmask_suffix("127.0.0.1/16")`, "32,24,16"},
		{`print ipv4_range_to_cidr_list("1.1.128.0", "1.1.140.255")`, `["1.1.128.0/21","1.1.136.0/22","1.1.140.0/24"]`},
		{`print format_ipv4("192.168.1.255", 24), format_ipv4(3232236031, 24), format_ipv4_mask("192.168.1.255", 24), format_ipv4_mask(3232236031, 24), format_ipv4_mask("10.1.2.3"), format_ipv4("x")`, "192.168.1.0,192.168.1.0,192.168.1.0/24,192.168.1.0/24,10.1.2.3/32,"},
		{`print has_ipv4("05:04:54 127.0.0.1 GET /favicon.ico 404", "127.0.0.1"), has_ipv4("05:04:54 127.0.0.256 GET /favicon.ico 404", "127.0.0.256"), has_ipv4("05:04:54127.0.0.1 GET /favicon.ico 404", "127.0.0.1"), has_ipv4_prefix("05:04:54 127.0.0.1 GET /favicon.ico 404", "127.0.")`, "true,false,false,true"},
		{`print has_any_ipv4("05:04:54 127.0.0.1 GET", "127.0.0.1", "127.0.0.2"), has_any_ipv4_prefix("05:04:54 192.168.1.1 GET", dynamic(["127.0.", "192.168."]))`, "true,true"},
		{`print parse_csv("aaa,bbb,ccc"), parse_csv('aa,"b,b,b",cc,"Escaping quotes: ""Title""","line1\nline2"')`, `["aaa","bbb","ccc"],["aa","b,b,b","cc","Escaping quotes: \"Title\"","line1\nline2"]`},
		{`print p = parse_path("C:\\temp\\file.txt") | project p.RootPath, p.DirectoryPath, p.DirectoryName, p.Filename, p.Extension`, `"C:","C:\\temp","temp","file.txt","txt"`},
		{`print p = parse_path("file://C:/temp/file.txt:some.exe") | project p.Scheme, p.RootPath, p.DirectoryPath, p.Filename, p.AlternateDataStreamName`, `"file","C:","C:/temp","file.txt","some.exe"`},
		{`print p = parse_path("\\\\shared\\users\\temp\\file.txt.gz") | project p.RootPath, p.DirectoryPath, p.DirectoryName, p.Filename, p.Extension`, `"","\\\\shared\\users\\temp","temp","file.txt.gz","gz"`},
		{`print p = parse_path("/usr/lib/temp/file.txt") | project p.DirectoryPath, p.DirectoryName, p.Filename`, `"/usr/lib/temp","temp","file.txt"`},
		{`print parse_command_line("echo \"hello world!\"", "windows"), parse_command_line(@'a\\b d"e f"g h', "windows"), parse_command_line(@'a\\\"b c', "windows")`, `["echo","hello world!"],["a\\\\b","de fg","h"],["a\\\"b","c"]`},
		{`print d = parse_xml("<duration><value count='2'>118.0</value><min>100</min><min>150</min></duration>") | project d.duration.value["#text"], d.duration.value["@count"], d.duration["min"][1], isnull(parse_xml("<a>"))`, `"118.0","2","150",true`},
		{`print format_bytes(564), format_bytes(10332, 1), format_bytes(20010332), format_bytes(20010332, 2), format_bytes(20010332, 0, "KB")`, "564 Bytes,10.1 KB,19 MB,19.08 MB,19541 KB"},
		{`print convert_angle(1.2, "Degree", "Arcminute"), convert_length(1.2, "Foot", "Yard"), convert_mass(1.2, "Pound", "Kilogram"), convert_temperature(1.2, "Kelvin", "DegreeCelsius"), isnull(convert_mass(1, "x", "Kilogram"))`, "72,0.4,0.544310844,-271.95,true"},
		{`print gzip_decompress_from_base64_string(gzip_compress_to_base64_string("1234567890qwertyuiop")), zlib_decompress_from_base64_string("eJwLSS0uUSguKcrMS1cwNDIGACxqBQ4="), zlib_decompress_from_base64_string("x")`, "1234567890qwertyuiop,Test string 123,"},
		{`print base64_decode_toarray("S3VzdG8="), base64_encode_fromarray(dynamic([75,117,115,116,111])), make_string(75, 117, 115, 116, 111), unicode_codepoints_to_string(dynamic([75, 117]))`, `[75,117,115,116,111],S3VzdG8=,Kusto,Ku`},
		{`print indexof_regex("abcabc", "a.c"), indexof_regex("abcabcdefg", "a.c", 0, 9, 2), indexof_regex("abcabc", "a.c", 1, -1, 2), indexof_regex("ababaa", "a.a", 0, -1, 2)`, "0,3,-1,2"},
		{`print x = dynamic([2,5,6,8,11,15,17,18,25,26,30,30]) | extend (fit, slope, v, rv, start) = series_fit_line(x) | project round(fit, 3), round(slope, 3), round(v, 3), round(rv, 3), round(start, 3)`, "0.983,2.731,98.629,1.686,1.064"},
		{`print x = dynamic([1,2,3,2,1]) | extend series_stats(x) | project series_stats_x_min, series_stats_x_max_idx, series_stats_x_avg`, "1,2,1.8"},
		{`print x = dynamic([1,2.2,2.5,4.7,5.0,12,10.3,10.3,9,8.3,6.2]) | extend (fit, split) = series_fit_2lines(x) | project split`, "5"},
		{`print series_fir(dynamic([1,2,3,4,5]), dynamic([1,1,1]), false), series_fir(dynamic([1,2,3,4,5]), dynamic([1,1,1]), true, true), series_fir(dynamic([1,2,4]), dynamic([1,-1])), series_fir(dynamic([3]), dynamic([1,-1]), true)`, "[1,3,6,9,12],[1,2,3,4,3],[1,1,2],null"},
		{`print series_iir(dynamic([1,2,3]), dynamic([1]), dynamic([1,-1])), series_outliers(dynamic([0,1,2,3,4,5,6,7,8,9,10,100]), "tukey")`, "[1,3,6],[-0.5,-0.3181818181818182,-0.13636363636363635,0,0,0,0,0,0,0.13636363636363635,0.3181818181818182,16.681818181818183]"},
		{`print y = dynamic([80,139,87,110,68,54,50,51,53,133,86,141,97,156,94,149,95,140,77,61,50,54,47,133,72,152,94,148,105,162,101,160,87,63,53,55,54,151,103,189,108,183,113,175,113,178,90,71,62,62,65,165,109,181,115,182,121,178,114,170]) | extend (periods, scores) = series_periods_detect(y, 0.0, 50.0, 1) | project periods`, "[14]"},
		{`print series_seasonal(dynamic([1,2,3,1,2,3,1,2,3]), 3), series_seasonal(dynamic([1,2,3,1,2,3,1,2,3,1,2,3]))`, "[1,2,3,1,2,3,1,2,3],[1,2,3,1,2,3,1,2,3,1,2,3]"},
		{`print series_decompose_forecast(dynamic([1,2,3,4,0,0]), 2, 0), series_decompose_forecast(dynamic([1,5,1,5,1,5,0,0]), 2, 2, "avg")`, "[1,2,3,4,5,6],[1,5,1,5,1,5,1,5]"},
		{`print x = dynamic([1,5,1,5,1,5,40,5,1,5,1,5]) | extend (flag, score, base) = series_decompose_anomalies(x, 1.5, 2) | project flag[6], array_sum(flag)`, "1,1"},
		{`print x = dynamic([1,5,1,5]) | extend (base, season, trend, rest) = series_decompose(x, 2) | project base, season, trend, rest`, "[1,5,1,5],[-2,2,-2,2],[3,3,3,3],[0,0,0,0]"},
		{`print series_cosine_similarity(dynamic([1,0]), dynamic([1,1])) * sqrt(2), round(beta_cdf(0.5, 1, 2), 12), round(welch_test(10, 4, 20, 12, 4, 20), 6)`, "1,0.75,0.003073"},
		{`range i from 1 to 10 step 1 | summarize percentiles_array(i, 20, 80), b = percentiles_array(i, dynamic([50, 100]))`, "[2,8],[5,10]"},
		{`datatable(v:long, w:long)[1, 5, 2, 1, 3, 4] | summarize percentilesw(v, w, 50, 60, 90), percentilesw_array(v, w, 50, 90)`, "1,2,3,[1,3]"},
		{`print around(1.5, 1, 0.5), around(2.0, 1, 0.5), around(datetime(2024-01-01 01:00), datetime(2024-01-01), 1h)`, "true,false,true"},
	}
}

func TestPublished(t *testing.T) {
	e := engine(t)
	for _, c := range published() {
		got, err := ask(e, c.query)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
		} else if got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.query, got, c.want)
		}
	}
}

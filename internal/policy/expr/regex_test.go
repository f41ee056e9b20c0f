package expr

import "testing"

var regexValues = [][2]string{
	// the linear engine with .NET's meaning
	{`Regex.IsMatch("é", @"^\w$")`, "True"}, {`Regex.IsMatch("٣", @"^\d$")`, "True"}, {`Regex.IsMatch("\u00A0", @"^\s$")`, "True"}, {`Regex.IsMatch("é", @"\W")`, "False"},
	{`Regex.Replace("naïve café", @"[^\w]+", "-")`, "naïve-café"}, {`Regex.IsMatch("a-b", @"^[\w-]+$")`, "True"}, {`Regex.IsMatch("5", @"[\D]")`, "False"}, {`Regex.IsMatch("a b", @"^[\S]+$")`, "False"},
	{`Regex.Match("k:1", @"(?<k>\w+):(\d)").Groups[1].Value`, "1"}, {`Regex.Match("k:1", @"(?<k>\w+):(\d)").Groups[2].Value`, "k"}, {`Regex.Match("k:1", @"(?<k>\w+):(\d)").Groups["k"].Value`, "k"},
	{`Regex.Replace("k:1", @"(?<k>\w+):(\d)", "$1-${k}")`, "1-k"}, {`Regex.Match("k:1", @"(?<k>\w+):(\d)").Groups["none"].Success`, "False"},
	{`Regex.IsMatch("abc\n", "c$")`, "True"}, {`Regex.Match("abc\n", "c$").Value`, "c"}, {`Regex.IsMatch("abc\n", @"c\z")`, "False"}, {`Regex.IsMatch("abc\n", @"c\Z")`, "True"}, {`Regex.IsMatch("abc\nd", "c$")`, "False"},
	{`Regex.IsMatch("abc\nd", "c$", RegexOptions.Multiline)`, "True"}, {`Regex.Matches("über alles", @"\b\w+\b").Count`, "2"}, {`Regex.Match("über alles", @"\b\w+").Value`, "über"}, {`Regex.Match("xüber", @"\w+").Index`, "0"},
	// what only the backtracking engine takes
	{`Regex.IsMatch("foobar", "foo(?=bar)")`, "True"}, {`Regex.Match("foobar", "foo(?=bar)").Value`, "foo"}, {`Regex.IsMatch("foobaz", "foo(?!baz)")`, "False"}, {`Regex.Match("price: 42 EUR", @"(?<=: )\d+").Value`, "42"},
	{`Regex.IsMatch("abab", @"^(ab)\1$")`, "True"}, {`Regex.IsMatch("abba", @"^(ab)\1$")`, "False"}, {`Regex.Replace("a1b2", @"(?<=[a-z])\d", "#")`, "a#b#"}, {`Regex.Split("aXbXc", "(?=X)").Length`, "3"},
	{`Regex.Match("aa-aa", @"(?<w>a+)-\k<w>").Groups["w"].Value`, "aa"}, {`Regex.Matches("é1ü2", @"(?<=\p{L})\d").Count`, "2"}, {`Regex.Match("éé1", @"(?<=é)\d").Index`, "2"}, {`Regex.Match("ab", "(a)|(b)", RegexOptions.RightToLeft).Value`, "b"},
	{`Regex.Match("ab12", @"(\w)(?<n>\d)", RegexOptions.ExplicitCapture).Groups.Count`, "2"}, {`Regex.IsMatch("Password1", @"^(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{8,}$")`, "True"}, {`Regex.IsMatch("password1", @"^(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{8,}$")`, "False"},
	{`Regex.IsMatch("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", @"^(?!x)(a|aa)+$")`, "!Gatehouse.LimitExceeded"}, {`Regex.IsMatch(new string('a', 70000), @"(?=b)")`, "!Gatehouse.LimitExceeded"}, {`Regex.IsMatch("x", (string)context.Variables["s"] + "(")`, "!System.ArgumentException"},
	{`Regex.IsMatch("a", "(?<x>a)(?<x>b)?")`, "True"},
}

func TestRegexValues(t *testing.T) {
	for _, v := range regexValues {
		evaluate(t, v[0], false, v[1])
	}
	evaluate(t, `try { return Regex.IsMatch("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", @"^(?!x)(a|aa)+$"); } catch (Exception) { return true; }`, true, "!Gatehouse.LimitExceeded")
}

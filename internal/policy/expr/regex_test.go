package expr

import "testing"

// A limit that a pattern exceeds is not an exception that a catch block takes.
func TestRegexLimitIsNotCaught(t *testing.T) {
	evaluate(t, `try { return Regex.IsMatch("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", @"^(?!x)(a|aa)+$"); } catch (Exception) { return true; }`, true, "!Gatehouse.LimitExceeded")
}

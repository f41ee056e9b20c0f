package syntax

import "strings"

// Words that are never a name without brackets, as in Kusto.
const reservedEverywhere = " and anomalychart areachart asc bagexpansion barchart between bin_legacy card columnchart containscs contains_cs" +
	" datascope decodeblocks desc endswith endswith_cs expandoutput external_data first flags has_all has_any has_cs hasprefix hasprefix_cs" +
	" hassuffix hassuffix_cs hotcache isfuzzy ladderchart last like likecs linechart nooptimization notcontains notcontainscs notlike notlikecs" +
	" or others piechart pivotchart project relaxed scatterchart simple stackedareachart startswith startswith_cs timechart timeline timepivot" +
	" treemap union with_itemindex with_match_id boolean int8 char uint8 byte int16 int int32 long int64 ulong float real double string time" +
	" timespan date datetime uniqueid dynamic decimal "

// Words that may be given as a new name (by = 1), but not read as one.
const reservedInExpressions = " accumulate as by contains datatable externaldata find has in invoke materialize of print sample search set" +
	" title to toscalar totable where "

func listed(words, word string) bool {
	return word != "" && strings.Contains(words, " "+word+" ")
}

// readable tells whether a word stands for a column, a table or a function.
func readable(t token) bool {
	return t.kind == tokenWord && !listed(reservedEverywhere, t.text) && !listed(reservedInExpressions, t.text)
}

// nameable tells whether a word may be the name of something new.
func nameable(t token) bool {
	return t.kind == tokenWord && !listed(reservedEverywhere, t.text) && !boolWord(t.text)
}

func boolWord(word string) bool {
	switch word {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return true
	}
	return false
}

// typedWord tells whether word( begins a literal.
func typedWord(word string) bool {
	if word == "dynamic" { // its contents are tokens of their own
		return false
	}
	_, ok := typeByName(word)
	return ok && word != "string" || word == "typeof"
}

// nearest gives the candidate that a misspelt word most likely means, or "".
func nearest(word string, candidates []string) string {
	return Nearest(word, candidates, max(2, len(word)/3))
}

// Nearest gives the candidate that differs from a word by the fewest single
// letters, at most as many as told, whatever their case; "" when none does.
func Nearest(word string, candidates []string, most int) string {
	best, least := "", most+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c), least); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of single-letter changes between two words, or limit
// when it is not below.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > 200 {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

package transactions

// kind is one type of item: the table that it stands in, and the columns that
// show it in a list. An expression that is "" is null there.
type kind struct {
	name, table          string
	id, title, text      string // of the item; what it is called; what it says
	result, success      string
	duration, severity   string
	count                string
	searched, mayBeTexts []string // columns that a text is looked for in; those of ids
}

// kinds are the types of items in the order in which a console offers them.
func kinds() []kind {
	ids := []string{"itemId", "operation_Id", "operation_ParentId"}
	own := append([]string{"id"}, ids...)
	return []kind{
		{"request", "requests", "id", "name", "url", "resultCode", "success", "duration", "", "itemCount", []string{"name", "url", "resultCode"}, own},
		{"dependency", "dependencies", "id", "name", "data", "resultCode", "success", "duration", "", "itemCount", []string{"name", "target", "type", "data", "resultCode"}, own},
		{"exception", "exceptions", "", "type", "iff(isempty(outerMessage), message, outerMessage)", "", "", "", "severityLevel", "itemCount",
			[]string{"type", "problemId", "message", "outerType", "outerMessage", "innermostMessage", "tostring(details)"}, ids},
		{"trace", "traces", "", "\"\"", "message", "", "", "", "severityLevel", "itemCount", []string{"message"}, ids},
		{"customEvent", "customEvents", "", "name", "\"\"", "", "", "", "", "itemCount", []string{"name"}, ids},
		{"pageView", "pageViews", "id", "name", "url", "", "", "duration", "", "itemCount", []string{"name", "url"}, own},
		{"availabilityResult", "availabilityResults", "id", "name", "message", "location", "success", "duration", "", "itemCount", []string{"name", "location", "message"}, own},
	}
}

// common are columns of all types that a text is looked for in.
func common() []string {
	return []string{"operation_Name", "cloud_RoleName", "user_Id", "session_Id", "tostring(customDimensions)"}
}

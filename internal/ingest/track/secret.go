package track

import "strings"

// mask stands where a credential was.
const mask = "***"

// secret says whether a name ends like that of a credential.
func secret(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	for _, ending := range [...]string{"authorization", "cookie", "subscription-key", "api-key", "x-functions-key"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// maskedURL masks credentials in the query of what looks like a URL, also one
// with its method in front, as names of calls have it.
func maskedURL(s string) string {
	path, query, found := strings.Cut(s, "?")
	if !found || strings.ContainsAny(bare(path), " \n") {
		return s
	}
	parts := strings.Split(query, "&")
	changed := false
	for i, part := range parts {
		if name, value, found := strings.Cut(part, "="); found && value != "" && secret(name) {
			parts[i], changed = name+"="+mask, true
		}
	}
	if !changed {
		return s
	}
	return path + "?" + strings.Join(parts, "&")
}

// bare is a name of the form METHOD /path without its method.
func bare(s string) string {
	if method, rest, found := strings.Cut(s, " "); found && httpMethod(method) {
		return rest
	}
	return s
}

package arm

import (
	"net/http"
	"regexp"
)

var version = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-[a-zA-Z]+)?$`)

// Version reads the compulsory api-version. Clients send many: each that has the
// form of one is taken.
func Version(r *http.Request) (string, error) {
	v := r.URL.Query().Get("api-version")
	switch {
	case v == "":
		return "", Errorf(http.StatusBadRequest, "MissingApiVersionParameter", "the query parameter api-version is needed, such as api-version=2024-05-01")
	case !version.MatchString(v):
		return "", Errorf(http.StatusBadRequest, "InvalidApiVersionParameter", "api-version %.40q is not a version: write a date such as 2024-05-01, with -preview behind it for a preview", v)
	}
	return v, nil
}

package gateway

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse/internal/policy"
)

// presentedKey reads the subscription key: the header first, the query only
// when the header is absent.
func (a *compiledAPI) presentedKey(r *http.Request) string {
	if v := r.Header[a.keyHeader]; len(v) > 0 {
		return v[0]
	}
	if r.URL.RawQuery == "" || !strings.Contains(r.URL.RawQuery, a.keyQuery+"=") {
		return ""
	}
	return queryValue(r.URL.RawQuery, a.keyQuery)
}

// queryValue finds the first value of a parameter without parsing the rest.
func queryValue(rawQuery, name string) string {
	for rawQuery != "" {
		var pair string
		pair, rawQuery, _ = strings.Cut(rawQuery, "&")
		key, value, _ := strings.Cut(pair, "=")
		if key != name {
			continue
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			return decoded
		}
		return value
	}
	return ""
}

// authorize finds the product variant and the subscription of a request. A key
// of a product selects that product's policies; a key for the API or for all
// APIs skips product policies; without a key the open product counts, else the
// API alone when it needs no subscription.
func (s *Snapshot) authorize(a *compiledAPI, key string, r *http.Request) (variant int, sub *subscription, err *policy.Error) {
	if key != "" {
		if sub = s.subscriptions[key]; sub != nil && sub.active {
			switch {
			case sub.allAPIs || sub.api == a.api.ID:
				return 0, sub, nil
			case sub.product != "":
				if v, ok := a.variantOf[sub.product]; ok {
					return v, sub, nil
				}
			}
		}
	}
	if a.open > 0 {
		return a.open, nil, nil
	}
	if !a.api.SubscriptionRequired {
		return 0, nil, nil
	}
	return 0, nil, a.denied(key != "", r)
}

// The texts are those of Azure's gateway; LastError and the body differ in one word.
func (a *compiledAPI) denied(presented bool, r *http.Request) *policy.Error {
	e := &policy.Error{Source: "authorization", Status: http.StatusUnauthorized, Scope: "api", Section: "inbound"}
	if presented {
		e.Reason = "SubscriptionKeyInvalid"
		e.Message = "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
		return e
	}
	e.Reason = "SubscriptionKeyNotFound"
	e.Message = "Access denied due to missing subscription key. Make sure to include subscription key when making requests to this API."
	e.Body = "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API."
	realm := scheme(r) + "://" + r.Host + "/" + a.api.Path
	e.Header = map[string]string{"Www-Authenticate": `AzureApiManagementKey realm="` + strings.ReplaceAll(realm, `"`, "") + `",name="` + a.keyHeader + `",type="header"`}
	return e
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

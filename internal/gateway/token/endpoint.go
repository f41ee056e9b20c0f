package token

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const maxAnswer = 256 << 10

// endpoint asks a token endpoint and reads its answer.
type endpoint struct {
	transport http.RoundTripper
	now       func() time.Time
}

// post asks for a token with a form, as OAuth 2 has it.
func (e endpoint) post(ctx context.Context, address string, form url.Values) (Token, error) {
	body := form.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return Token{}, fmt.Errorf("the address of the token endpoint is not valid")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	return e.send(r)
}

func (e endpoint) send(r *http.Request) (Token, error) {
	status, data, err := e.exchange(r)
	if err != nil {
		return Token{}, fmt.Errorf("ask the token endpoint %s: %w", r.URL.Host, err)
	}
	if status != http.StatusOK {
		return Token{}, fmt.Errorf("the token endpoint %s answered with status %d%s", r.URL.Host, status, reasonOf(data))
	}
	t, err := parse(data, e.now())
	if err != nil {
		return Token{}, fmt.Errorf("the answer of the token endpoint %s %w", r.URL.Host, err)
	}
	return t, nil
}

func (e endpoint) exchange(r *http.Request) (status int, data []byte, err error) {
	resp, err := e.transport.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	data, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, data, err
}

// reasonOf is the error code of an answer; descriptions may quote what was sent.
func reasonOf(data []byte) string {
	var answer struct {
		Error any   `json:"error"`
		Codes []int `json:"error_codes"`
	}
	if json.Unmarshal(data, &answer) != nil {
		return ""
	}
	code, ok := answer.Error.(string)
	if !ok || len(code) > 64 || strings.ContainsFunc(code, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	if len(answer.Codes) > 0 {
		code += " AADSTS" + strconv.Itoa(answer.Codes[0])
	}
	return " (" + code + ")"
}

// parse reads an answer with an access token. The names and forms of its end
// differ: seconds from now, seconds since 1970 or a date, as number or text.
func parse(data []byte, now time.Time) (Token, error) {
	claims := map[string]any{}
	if err := json.Unmarshal(data, &claims); err != nil {
		return Token{}, fmt.Errorf("is not JSON")
	}
	t := Token{Claims: claims}
	for _, name := range []string{"access_token", "accessToken", "token"} {
		if v, ok := claims[name].(string); ok && v != "" && t.Value == "" {
			t.Value = v
			delete(claims, name)
		}
	}
	if t.Value == "" {
		return Token{}, fmt.Errorf("has no access_token")
	}
	switch {
	case seconds(claims["expires_in"]) > 0:
		t.Expires = now.Add(time.Duration(seconds(claims["expires_in"])) * time.Second)
	case seconds(claims["expires_on"]) > 0:
		t.Expires = time.Unix(seconds(claims["expires_on"]), 0)
	default:
		for _, name := range []string{"expiresOn", "expires_on", "expiresAt"} {
			if text, ok := claims[name].(string); ok {
				t.Expires, _ = parseTime(text)
			}
		}
	}
	return t, nil
}

// seconds reads a number or a text that is one; 0 for all else.
func seconds(v any) int64 {
	switch v := v.(type) {
	case float64:
		if v > 0 && v < math.MaxInt32*1000 {
			return int64(v)
		}
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		if err == nil && n > 0 && n < math.MaxInt32*1000 {
			return n
		}
	}
	return 0
}

func parseTime(text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	// The Azure command line tool gives local time.
	return time.ParseInLocation("2006-01-02 15:04:05.999999", text, time.Local)
}

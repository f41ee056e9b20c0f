package azuremonitor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// signInCode is the code in Entra ID's texts.
var signInCode = regexp.MustCompile(`AADSTS\d+`)

// told is an error in one line for people: the library's own have the whole
// exchange.
func told(err error) string {
	var response *azcore.ResponseError
	var signIn *azidentity.AuthenticationFailedError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &signIn):
		code := signInCode.FindString(err.Error())
		if code == "" {
			code, _, _ = strings.Cut(err.Error(), "\n")
		}
		return "no token: " + short(code)
	case errors.As(err, &response):
		text := fmt.Sprintf("Azure answers %d %s", response.StatusCode, short(response.ErrorCode))
		switch response.StatusCode {
		case http.StatusForbidden:
			text += ": give the identity the role Monitoring Reader on the service"
		case http.StatusNotFound:
			text += ": is the resource id right, and may the identity see it?"
		}
		return text
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return short(text)
}

func short(s string) string { return s[:min(len(s), 300)] }

// reasonOf sorts an error for the series about pulls.
func reasonOf(err error) string {
	var response *azcore.ResponseError
	var signIn *azidentity.AuthenticationFailedError
	var store *storeError
	switch {
	case errors.As(err, &store):
		return "store"
	case errors.Is(err, ErrThrottled):
		return "throttled"
	case errors.As(err, &signIn):
		return "credential"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case !errors.As(err, &response):
		return "network"
	}
	switch code := response.StatusCode; {
	case throttled(code):
		return "throttled"
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return "forbidden"
	case code == http.StatusNotFound:
		return "not_found"
	case code >= 500:
		return "azure"
	}
	return "request"
}

// reasons are all that reasonOf gives: their series exist from the start.
func reasons() []string {
	return []string{"azure", "credential", "forbidden", "network", "not_found", "request", "store", "throttled", "timeout"}
}

// storeError is an error of our own side.
type storeError struct{ err error }

func (e *storeError) Error() string { return "the samples were not stored: " + e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

package siem

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"gatehouse/internal/activity"
)

// Formats.
const (
	Syslog = "syslog"
	CEF    = "cef"
	OCSF   = "ocsf"
)

// encoder writes an event as one line.
type encoder func(activity.Entry) []byte

// encoderOf is the one of a format. Receivers of syslog get its header in front.
func encoderOf(o Options) (encoder, error) {
	var body encoder
	switch o.Format {
	case Syslog:
		body = func(e activity.Entry) []byte { return marshal(e.Event) }
	case CEF:
		body = func(e activity.Entry) []byte { return cef(e, o.Version) }
	case OCSF:
		body = func(e activity.Entry) []byte { return marshal(ocsfOf(e, o.Version)) }
	default:
		return nil, fmt.Errorf("format: %q is not one of %s, %s, %s", o.Format, Syslog, CEF, OCSF)
	}
	if o.Format != Syslog && !streams(o.Address) {
		return body, nil
	}
	pid := strconv.Itoa(os.Getpid())
	return func(e activity.Entry) []byte {
		return append(header(e, printable(o.Host, 255), pid), body(e)...)
	}, nil
}

// marshal writes JSON; texts, numbers and maps of texts always can be.
func marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte(strconv.Quote(err.Error()))
	}
	return data
}

// header is that of RFC 5424, of the facility "log audit". The sequence number of
// its structured data counts up to 2147483647, then from 1.
func header(e activity.Entry, host, pid string) []byte {
	severity := 6
	switch e.Level {
	case "Error":
		severity = 3
	case "Warning":
		severity = 4
	}
	return fmt.Appendf(nil, `<%d>1 %s %s gatehouse %s %s [meta sequenceId="%d"] `, 13*8+severity,
		e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), host, pid, printable(e.Category, 32), (e.Sequence-1)%2147483647+1)
}

// printable is a field of the header: no spaces, no control characters, nothing
// beyond ASCII; "-" when there is nothing.
func printable(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, text)
	if text == "" {
		return "-"
	}
	return text[:min(n, len(text))]
}

// cef writes an event in the Common Event Format, version 0.
func cef(e activity.Entry, version string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "CEF:0|Gatehouse|Gatehouse|%s|%s|%s|%d|", inHeader(version), inHeader(e.OperationName), inHeader(e.Category+" "+e.ResultType), cefSeverity(e.Level))
	put := func(key, value string) {
		if value != "" {
			b.WriteString(key + "=" + inExtension(value) + " ")
		}
	}
	put("rt", strconv.FormatInt(e.Time.UnixMilli(), 10))
	put("cat", e.Category)
	put("outcome", e.ResultType)
	put("src", e.CallerAddress)
	put("suser", e.Identity.Claims["name"])
	put("suid", e.Identity.Claims["oid"])
	put("requestMethod", e.Properties["method"])
	put("request", e.Properties["path"])
	put("requestClientApplication", e.Properties["userAgent"])
	put("externalId", e.CorrelationID)
	put("cs1Label", "resourceId")
	put("cs1", e.ResourceID)
	put("cs2Label", "resultSignature")
	put("cs2", e.ResultSignature)
	put("cn1Label", "sequence")
	put("cn1", strconv.FormatInt(e.Sequence, 10))
	put("cn2Label", "durationMs")
	put("cn2", strconv.FormatInt(e.DurationMS, 10))
	return []byte(strings.TrimSuffix(b.String(), " "))
}

func cefSeverity(level string) int {
	switch level {
	case "Error":
		return 8
	case "Warning":
		return 5
	}
	return 2
}

func inHeader(text string) string {
	return strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\r", " ", "\n", " ").Replace(text)
}

func inExtension(text string) string {
	return strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\r", `\r`, "\n", `\n`).Replace(text)
}

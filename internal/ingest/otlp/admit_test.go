package otlp

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// byToken admits as a door does, and notes whom it saw.
func byToken(t *testing.T) Admit {
	return func(r *http.Request) error {
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err != nil || host != "127.0.0.1" || r.URL.Path != "/v1/traces" {
			t.Errorf("asked about %q from %q", r.URL.Path, r.RemoteAddr)
		}
		switch r.Header.Get("Authorization") {
		case "Bearer good":
			return nil
		case "Bearer known":
			return status.Error(codes.PermissionDenied, "no role")
		case "Bearer odd":
			return errors.New("odd")
		case "Bearer worse":
			panic("worse")
		}
		return status.Error(codes.Unauthenticated, "send a token")
	}
}

// admissions are tokens with the answers to them.
var admissions = []struct {
	token string
	http  int
	code  codes.Code
	text  string
}{
	{"", 401, codes.Unauthenticated, "send a token"},
	{"bad", 401, codes.Unauthenticated, "send a token"},
	{"odd", 401, codes.Unauthenticated, "odd"},
	{"known", 403, codes.PermissionDenied, "no role"},
	{"good", 200, codes.OK, ""},
}

func TestHTTPAdmits(t *testing.T) {
	var s store
	server := httptest.NewServer(New(s.options()).Behind(byToken(t)).Handler())
	t.Cleanup(server.Close)
	for _, contentType := range []string{typeProtobuf, typeJSON} {
		body := encoded(t, ptraceotlp.NewExportRequestFromTraces(someTraces(1)), contentType)
		for _, one := range admissions {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/traces", strings.NewReader(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", contentType)
			if one.token != "" {
				req.Header.Set("Authorization", "Bearer "+one.token)
			}
			res, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			answer := new(strings.Builder)
			if err := res.Write(answer); err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			equal(t, one.token+" status", res.StatusCode, one.http)
			equal(t, one.token+" type", res.Header.Get("Content-Type"), contentType)
			equal(t, one.token+" asks", res.Header.Get("WWW-Authenticate") != "", one.http == 401)
			if !strings.Contains(answer.String(), one.text) {
				t.Errorf("%q: %s", one.token, answer)
			}
		}
	}
	equal(t, "spans", len(s.spans), 2)
}

func TestGRPCAdmits(t *testing.T) {
	var s store
	receiver := New(s.options()).Behind(byToken(t))
	server := grpc.NewServer(receiver.ServerOptions()...)
	receiver.Register(server)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	rows := append(admissions[:len(admissions):len(admissions)], admissions[0])
	rows[len(rows)-1].token, rows[len(rows)-1].code, rows[len(rows)-1].text = "worse", codes.Internal, "internal error"
	for _, one := range rows {
		ctx := t.Context()
		if one.token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+one.token)
		}
		_, err := ptraceotlp.NewGRPCClient(c).Export(ctx, ptraceotlp.NewExportRequestFromTraces(someTraces(1)))
		equal(t, one.token+" code", status.Code(err), one.code)
		equal(t, one.token+" text", status.Convert(err).Message(), one.text)
	}
	equal(t, "spans", len(s.spans), 1)
}

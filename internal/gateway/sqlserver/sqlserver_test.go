package sqlserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/gateway/sqlserver/tdstest"
)

func serve(t *testing.T, s *tdstest.Server) string {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	host, port, _ := net.SplitHostPort(s.Addr)
	return fmt.Sprintf("Server=tcp:%s,%s;Initial Catalog=shop;", host, port)
}

func run(t *testing.T, all *Databases, c Connection, q Query) (string, error) {
	t.Helper()
	db, err := all.Open(c)
	if err != nil {
		return "", err
	}
	defer db.Release()
	if q.MaxBytes == 0 {
		q.MaxBytes = 1 << 20
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	rows, err := db.Rows(ctx, q)
	if err != nil {
		return "", err
	}
	var out []string
	for _, r := range rows {
		if !json.Valid(r) {
			t.Errorf("%s is no JSON", r)
		}
		out = append(out, string(r))
	}
	return strings.Join(out, "\n"), nil
}

func databases(t *testing.T) *Databases {
	all := New()
	t.Cleanup(all.Close)
	return all
}

func TestTypes(t *testing.T) {
	s := &tdstest.Server{Answer: func(tdstest.Request) []tdstest.Result {
		return []tdstest.Result{{Columns: []tdstest.Column{tdstest.BigInt("n"), tdstest.Bit("b"), tdstest.Float("f"), tdstest.GUID("g"), tdstest.Date("d"), tdstest.Moment("m"),
			tdstest.Offset("o"), tdstest.Clock("c"), tdstest.Decimal("x"), tdstest.Text(`a "b"`), tdstest.Binary("")},
			Rows: [][][]byte{
				{tdstest.Int(-7), tdstest.Cell(1), tdstest.Double(0.5), tdstest.Cell(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), tdstest.Cell(0x5b, 0x95, 0x0a),
					tdstest.Cell(0x80, 0x96, 0x98, 0, 0, 0x5b, 0x95, 0x0a), tdstest.Cell(0x80, 0x96, 0x98, 0, 0, 0x5b, 0x95, 0x0a, 0x3c, 0), tdstest.Cell(1, 0, 0, 0, 0), tdstest.Cell(0, 0x39, 0x30, 0, 0), tdstest.String("ä\n"), tdstest.Long(1, 2, 3)},
				{tdstest.Null(), tdstest.Null(), tdstest.Null(), tdstest.Null(), tdstest.Null(), tdstest.Null(), tdstest.Null(), tdstest.Null(), tdstest.Null(), []byte{0xff, 0xff}, []byte{0xff, 0xff}},
			}}}
	}}
	got, err := run(t, databases(t), Connection{String: serve(t, s) + "User ID=u;Password=p;Encrypt=disable"}, Query{Statement: "SELECT 1"})
	want := `{"n":-7,"b":true,"f":0.5,"g":"03020100-0504-0706-0809-0a0b0c0d0e0f","d":"1900-01-01","m":"1900-01-01T00:00:01","o":"1900-01-01T01:00:01+01:00","c":"00:00:00.0000001","x":-123.45,"a \"b\"":"ä\n","Column11":"AQID"}` + "\n" +
		`{"n":null,"b":null,"f":null,"g":null,"d":null,"m":null,"o":null,"c":null,"x":null,"a \"b\"":null,"Column11":null}`
	if err != nil || got != want {
		t.Errorf("%v\ngot\n%s\nwant\n%s", err, got, want)
	}
}

func TestParameters(t *testing.T) {
	var asked tdstest.Request
	s := &tdstest.Server{Answer: func(r tdstest.Request) []tdstest.Result { asked = r; return []tdstest.Result{{}} }}
	connection := Connection{String: serve(t, s) + "User ID=u;Password=p;Encrypt=disable"}
	all := databases(t)
	_, err := run(t, all, connection, Query{Statement: "SELECT @a", Parameters: []Parameter{
		{"@a", "", json.Number("7")}, {"b", "", json.Number("1.5")}, {"c", "", true}, {"d", "", "it's"}, {"e", "", nil}, {"f", "int", "12"}, {"g", "bit", "True"},
		{"h", "varchar", "v"}, {"i", "varbinary", "AQI="}, {"j", "uniqueidentifier", "03020100-0504-0706-0809-0a0b0c0d0e0f"}, {"k", "decimal", json.Number("1.10")}}})
	if err != nil {
		t.Fatal(err)
	}
	values, _ := json.Marshal(asked.Values)
	want := `{"@a":7,"@b":1.5,"@c":true,"@d":"it's","@e":null,"@f":12,"@g":true,"@h":"v","@i":"AQI=","@j":"AAECAwQFBgcICQoLDA0ODw==","@k":"1.10"}`
	if asked.Statement != "SELECT @a" || asked.User != "u" || asked.Database != "shop" || string(values) != want || !strings.HasPrefix(asked.Declared, "@a bigint,") {
		t.Errorf("%+v\nvalues %s", asked, values)
	}
	for kind, value := range map[string]string{"int": "secret", "float": "secret", "bit": "secret", "varbinary": "secret!", "uniqueidentifier": "secret"} {
		_, err := run(t, all, connection, Query{Statement: "x", Parameters: []Parameter{{"p", kind, value}}})
		var wrong *ParameterError
		if !errors.As(err, &wrong) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestResultSets(t *testing.T) {
	one := func(n int64) tdstest.Result {
		return tdstest.Result{Columns: []tdstest.Column{tdstest.BigInt("n")}, Rows: [][][]byte{{tdstest.Int(n)}}}
	}
	empty := tdstest.Result{Columns: []tdstest.Column{tdstest.BigInt("n")}}
	for name, c := range map[string]struct {
		answer []tdstest.Result
		want   string
		number int32
	}{
		"the last counts":         {[]tdstest.Result{one(1), one(2)}, `{"n":2}`, 0},
		"an update before":        {[]tdstest.Result{{}, one(3)}, `{"n":3}`, 0},
		"an update behind":        {[]tdstest.Result{one(4), {}}, `{"n":4}`, 0},
		"no rows":                 {[]tdstest.Result{one(1), empty}, ``, 0},
		"an error":                {[]tdstest.Result{{Error: 208}}, ``, 208},
		"an error behind results": {[]tdstest.Result{one(1), {Error: 2627}}, ``, 2627},
	} {
		t.Run(name, func(t *testing.T) {
			s := &tdstest.Server{Answer: func(tdstest.Request) []tdstest.Result { return c.answer }}
			got, err := run(t, databases(t), Connection{String: serve(t, s) + "User ID=u;Password=p;Encrypt=disable"}, Query{Statement: "SELECT 1"})
			number, _ := Number(err)
			if got != c.want || number != c.number || (err != nil) != (c.number != 0) {
				t.Errorf("got %q, error %v", got, err)
			}
		})
	}
}

func TestLimitOfRows(t *testing.T) {
	s := &tdstest.Server{Answer: func(tdstest.Request) []tdstest.Result {
		r := tdstest.Result{Columns: []tdstest.Column{tdstest.Text("t")}}
		for range 100 {
			r.Rows = append(r.Rows, [][]byte{tdstest.String(strings.Repeat("x", 100))})
		}
		return []tdstest.Result{r}
	}}
	connection := Connection{String: serve(t, s) + "User ID=u;Password=p;Encrypt=disable"}
	if _, err := run(t, databases(t), connection, Query{Statement: "SELECT 1", MaxBytes: 5000}); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestCancelled(t *testing.T) {
	asked := make(chan bool, 1)
	s := &tdstest.Server{Answer: func(tdstest.Request) []tdstest.Result { asked <- true; return nil }}
	db, err := databases(t).Open(Connection{String: serve(t, s) + "User ID=u;Password=p;Encrypt=disable"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Release()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := db.Rows(ctx, Query{Statement: "WAITFOR DELAY '1:00'", MaxBytes: 1}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestEncryption(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := func(tdstest.Request) []tdstest.Result { return []tdstest.Result{{}} }
	encrypted := serve(t, &tdstest.Server{Answer: answer, User: "u", TLS: &tls.Config{Certificates: web.TLS.Certificates, MaxVersion: tls.VersionTLS12}}) + "User ID=u;Password=p;"
	plain := serve(t, &tdstest.Server{Answer: answer}) + "User ID=u;Password=p;"
	all := databases(t)
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"an unknown certificate", encrypted, false},
		{"a known certificate", encrypted + "Certificate=" + root, true},
		{"no check", encrypted + "TrustServerCertificate=true;Encrypt=true", true},
		{"a server that does not encrypt", plain, false},
		{"no encryption wanted", plain + "Encrypt=disable", true},
	} {
		_, err := run(t, all, Connection{String: c.text}, Query{Statement: "SELECT 1"})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		var unknown x509.UnknownAuthorityError
		if c.name == "an unknown certificate" && (err == nil || !errors.As(err, &unknown) && !strings.Contains(err.Error(), "unknown authority")) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestLogins(t *testing.T) {
	s := &tdstest.Server{User: "u", Answer: func(r tdstest.Request) []tdstest.Result { return []tdstest.Result{{}} }}
	base := serve(t, s)
	all := databases(t)
	_, err := run(t, all, Connection{String: base + "User ID=other;Password=hunter2;Encrypt=disable"}, Query{Statement: "SELECT 1"})
	if n, _ := Number(err); n != 18456 || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	managed := &tdstest.Server{Token: "ey.a.b", Answer: func(r tdstest.Request) []tdstest.Result { return []tdstest.Result{{}} }}
	text := serve(t, managed) + "\n  Encrypt=disable;\n"
	token := func(value string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return value, nil }
	}
	if _, err := run(t, all, Connection{String: text, Identity: "a", Token: token("ey.a.b")}, Query{Statement: "SELECT 1"}); err != nil {
		t.Error(err)
	}
	if _, err := run(t, all, Connection{String: text, Identity: "b", Token: token("no")}, Query{Statement: "SELECT 1"}); err == nil {
		t.Error("another identity used the connection of the first")
	}
	for _, wrong := range []string{"", "Database=x", "Server=", "Server=x;Encrypt=perhaps;Password=hunter2", "sqlserver://%zz", "odbc:server={x"} {
		if _, err := run(t, all, Connection{String: wrong}, Query{Statement: "SELECT 1"}); !errors.Is(err, ErrConnectionString) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestConnectionsAreKept(t *testing.T) {
	s := &tdstest.Server{Answer: func(tdstest.Request) []tdstest.Result { return []tdstest.Result{{}} }}
	connection := Connection{String: serve(t, s) + "User ID=u;Password=p;Encrypt=disable"}
	all := databases(t)
	if s.Logins() != 0 {
		t.Error("connected before a query asked for it")
	}
	for range 5 {
		if _, err := run(t, all, connection, Query{Statement: "SELECT 1"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Logins(); n != 1 {
		t.Errorf("%d logins for queries one after the other", n)
	}
	var group sync.WaitGroup
	for range 2 * maxConnections {
		group.Go(func() {
			if _, err := run(t, all, connection, Query{Statement: "SELECT 1"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestNumberOfDatabases(t *testing.T) {
	all := databases(t)
	var used []*Database
	for i := range maxDatabases {
		db, err := all.Open(Connection{String: fmt.Sprintf("Server=h%d;User ID=u;Password=p", i)})
		if err != nil {
			t.Fatal(err)
		}
		used = append(used, db)
	}
	more := Connection{String: "Server=more;User ID=u;Password=p"}
	if _, err := all.Open(more); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	used[3].Release()
	if _, err := all.Open(more); err != nil {
		t.Error(err)
	}
	if len(all.open) != maxDatabases {
		t.Errorf("%d are open", len(all.open))
	}
}

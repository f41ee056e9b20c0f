package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	"go.yaml.in/yaml/v3"

	"gatehouse/internal/identity"
	"gatehouse/internal/server"
	"gatehouse/test/upstream"
)

// identities is a Gatehouse with an issuer of its own, rules, and two metric
// workspaces in two resource groups.
type identities struct {
	*house
	client          *http.Client
	issuer, managed string // base URLs
	rules           string // file
	admin           string
	principals      map[string]*identity.Principal
	secrets         map[string]string // by principal; "NAME managed" is a header
	key             string            // of the workspace guarded
}

const (
	groupA     = "/subscriptions/" + subscription + "/resourceGroups/a"
	groupB     = "/subscriptions/" + subscription + "/resourceGroups/b"
	houseGroup = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gatehouse"
	queries    = "https://prometheus.monitor.azure.com"
	ingestion  = "https://monitor.azure.com"
	linkedKey  = "55555555-0000-4000-8000-000000000005" // of the workspace linked
	// assignedClient is that of the principal user, assigned to the workload.
	assignedClient = "cccccccc-0000-4000-8000-000000000001"
)

// assignment lines of the rules that all rows use.
var identityAssignments = []string{
	"principal: reader-a, role: Monitoring Data Reader, scope: " + groupA,
	"principal: reader-a, role: Monitoring Reader, scope: " + groupA,
	"principal: scraper, role: Monitoring Reader, scope: " + houseGroup,
	"principal: scraper, role: Monitoring Data Reader, scope: " + houseGroup,
	"principal: writer, role: Monitoring Metrics Publisher, scope: " + houseGroup,
	"principal: author, role: Monitoring Contributor, scope: " + houseGroup,
	"principal: publisher, role: API Management Service Contributor, scope: " + houseGroup,
	"principal: watcher, role: Reader, scope: /",
	"principal: work, role: Monitoring Metrics Publisher, scope: " + houseGroup,
}

func (h *house) identities(t *testing.T) *identities {
	t.Helper()
	if h.identitiesKept == nil {
		h.identitiesKept = h.openIdentities(h.root)
	}
	return h.identitiesKept
}

func (h *house) openIdentities(t *testing.T) *identities {
	t.Helper()
	i := &identities{house: &house{data: t.TempDir(), service: t.TempDir(), backend: h.backend, log: &lockedText{}, root: t}, principals: map[string]*identity.Principal{}, secrets: map[string]string{}, key: "44444444-0000-4000-8000-000000000004"}
	files := map[string]string{}
	i.addAPI(files, "plain", "", "", false)
	i.write(t, files)
	names := map[string]string{}
	for _, name := range []string{"gateway", "monitor", "monitorTLS", "issuer", "managed"} {
		names[name] = freePort(t)
	}
	i.gateway, i.monitor, i.secure = "http://"+names["gateway"], "http://"+names["monitor"], "https://"+names["monitorTLS"]
	i.issuer, i.managed = "https://"+names["issuer"], "http://"+names["managed"]
	dir := t.TempDir()
	i.rules = filepath.Join(dir, "rules.yaml")
	i.writePrincipals(t, filepath.Join(dir, "principals.yaml"))
	i.assign(t, identityAssignments...)
	config := server.DefaultConfig()
	config.Service.Folder, config.Service.Name, config.Data.Folder = i.service, "identity", i.data
	config.Listen = server.ListenConfig{Gateway: names["gateway"], Monitor: names["monitor"], MonitorTLS: names["monitorTLS"]}
	config.Telemetry.MetricsInterval, config.Rules.NoShipped = server.Duration(200*time.Millisecond), true
	config.Identity.Rules, config.Identity.Principals = i.rules, filepath.Join(dir, "principals.yaml")
	config.Identity.Issuer = server.OwnIssuer{Listen: names["issuer"], ManagedListen: names["managed"], Audiences: []string{"api://orders"}}
	config.Telemetry.Workspaces = []server.WorkspaceConfig{{Name: "guarded", Key: secretFile(t, i.key), RequireIdentity: true}, {Name: "linked", Key: secretFile(t, linkedKey)}}
	i.serve(t, config)
	i.client = i.trusting(t)
	token, err := os.ReadFile(filepath.Join(i.data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	i.admin = strings.TrimSpace(string(token))
	for name, group := range map[string]string{"west": groupA, "east": groupB} {
		path := group + "/providers/Microsoft.Monitor/accounts/" + name + "?api-version=2023-04-03"
		if status, body := i.ask(t, i.admin, "PUT", path, `{"location": "westeurope"}`); status != http.StatusCreated {
			t.Fatalf("workspace %s: %d %s", name, status, body)
		}
	}
	return i
}

// writePrincipals makes principals with secrets: of scraper one that ends in nine
// days and the next one, of lapsed one that has ended.
func (i *identities) writePrincipals(t *testing.T, path string) {
	t.Helper()
	day := 24 * time.Hour
	add := func(name, use string, ages ...time.Duration) *identity.Principal {
		p := &identity.Principal{Name: name, ID: "object-" + name, ClientID: "client-" + name, Use: use}
		if name == "user" {
			p.ClientID = assignedClient // a logger takes a UUID
		}
		for n, age := range ages {
			text, kept, err := identity.NewSecret(time.Now().Add(-age), identity.MaxLifetime)
			if err != nil {
				t.Fatal(err)
			}
			p.Secrets = append(p.Secrets, kept)
			i.secrets[strings.TrimSuffix(fmt.Sprintf("%s %d", name, n), " 0")] = text
		}
		i.principals[name] = p
		return p
	}
	add("reader-a", "", 0)
	add("scraper", "scrape", 81*day, 0)
	add("lapsed", "", 91*day)
	for _, name := range []string{"writer", "author", "publisher", "watcher", "nobody", "user", "mover"} {
		add(name, "", 0)
	}
	work := add("work", "")
	header, kept, err := identity.NewSecret(time.Now(), identity.MaxLifetime)
	if err != nil {
		t.Fatal(err)
	}
	work.Managed, work.UserAssigned, i.secrets["work managed"] = []identity.Secret{kept}, []string{"user"}, header
	var list []*identity.Principal
	for _, p := range i.principals {
		list = append(list, p)
	}
	text, err := yaml.Marshal(map[string]any{"principals": list})
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// assign writes the file of rules.
func (i *identities) assign(t *testing.T, assignments ...string) {
	t.Helper()
	i.replaceRules(t, "groups:\n- {name: readers, members: [reader-a]}\nassignments:\n", assignments...)
}

// replaceRules replaces the file of rules by a text and the assignments that end it.
func (i *identities) replaceRules(t *testing.T, text string, assignments ...string) {
	t.Helper()
	for _, a := range assignments {
		text += "- {" + a + "}\n"
	}
	temporary := i.rules + ".new" // a reader never sees half of it
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, i.rules); err != nil {
		t.Fatal(err)
	}
}

// grant asks the issuer for a token, and gives the status and the answer.
func (i *identities) grant(t *testing.T, client, secret, audience string) (int, map[string]any) {
	t.Helper()
	resp, err := i.client.PostForm(i.issuer+"/adfs/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "scope": {audience + "/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, out
}

// token is one of a principal with its first secret.
func (i *identities) token(t *testing.T, name, audience string) string {
	t.Helper()
	status, answer := i.grant(t, "client-"+name, i.secrets[name], audience)
	token, _ := answer["access_token"].(string)
	if status != http.StatusOK || token == "" {
		t.Fatalf("token of %s: %d %v", name, status, answer)
	}
	return token
}

// ask calls the HTTPS monitor door.
func (i *identities) ask(t *testing.T, token, method, path, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, i.secure+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for n := 0; n+1 < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	resp, err := i.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// samples is a remote write request with one series.
func samples(t *testing.T, name string) string {
	t.Helper()
	r := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: []prompb.Label{{Name: "__name__", Value: name}}, Samples: []prompb.Sample{{Value: 1, Timestamp: time.Now().UnixMilli()}}}}}
	data, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(snappy.Encode(nil, data))
}

var asProtobuf = []string{"Content-Type", "application/x-protobuf", "Content-Encoding", "snappy", "X-Prometheus-Remote-Write-Version", "0.1.0"}

// P12: one table decides for each role and endpoint; the refusal names the action
// that is missing, and the activity log has it.
func missionRoleMatrix(t *testing.T, h *house) {
	i := h.identities(t)
	span := `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"x","kind":2,"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000000000000"}]}]}]}`
	const service = "/subscriptions/" + subscription + "/resourceGroups/any/providers/Microsoft.ApiManagement/service/identity"
	endpoints := []struct {
		name, method, path, body string
		header                   []string
		may                      string // principals that are let in
	}{
		{"/metrics", "GET", "/metrics", "", nil, "scraper author publisher watcher"},
		{"federation", "GET", "/prometheus/federate?match[]=up", "", nil, "scraper"},
		{"PromQL", "GET", "/prometheus/api/v1/query?query=vector(1)", "", nil, "scraper"},
		{"PromQL of group A", "GET", "/workspaces/west/prometheus/api/v1/query?query=vector(1)", "", nil, "reader-a"},
		{"remote write", "POST", "/prometheus/api/v1/write", samples(t, "matrix"), asProtobuf, "writer work"},
		{"Azure's remote write", "POST", "/dataCollectionRules/default/streams/Microsoft-PrometheusMetrics/api/v1/write", samples(t, "matrix_azure"), asProtobuf, "writer work"},
		{"OTLP", "POST", "/v1/traces", span, []string{"Content-Type", "application/json"}, "writer work"},
		{"KQL", "GET", "/v1/workspaces/default/query?query=print+1", "", nil, "scraper author watcher"},
		{"traces", "GET", "/api/traces/services", "", nil, "scraper author watcher"},
		{"console", "GET", "/api/status", "", nil, "scraper author watcher"},
		{"alerts", "GET", "/api/alerts", "", nil, "scraper author watcher"},
		{"silences", "DELETE", "/alertmanager/api/v2/silence/00000000-0000-0000-0000-000000000000", "", nil, "author"},
		{"activity", "GET", "/api/activity", "", nil, "scraper author watcher"},
		{"loggers", "GET", service + "/loggers?api-version=2024-05-01", "", nil, "scraper author publisher watcher"},
		{"logger", "DELETE", service + "/loggers/none?api-version=2024-05-01", "", []string{"If-Match", "*"}, "publisher"},
		{"a named value's secret", "POST", service + "/namedValues/none/listValue?api-version=2024-05-01", "", nil, "publisher"},
		{"workspace", "DELETE", "/api/metric-workspaces/none", "", nil, "author"},
		{"access review", "GET", "/api/access-review", "", nil, "scraper author watcher publisher"},
		{"profiles", "GET", "/debug/pprof/", "", nil, ""},
	}
	tokens := map[string]string{}
	for _, name := range []string{"reader-a", "scraper", "writer", "author", "publisher", "watcher", "nobody"} {
		tokens[name] = i.token(t, name, "https://management.azure.com")
	}
	for _, e := range endpoints {
		if status, body := i.ask(t, i.admin, e.method, e.path, e.body, e.header...); status == 401 || status == 403 || status == 400 {
			t.Errorf("%s, admin: %d %s", e.name, status, body)
		}
		if status, _ := i.ask(t, "", e.method, e.path, e.body, e.header...); status != 401 {
			t.Errorf("%s, nobody known: %d", e.name, status)
		}
		for name, token := range tokens {
			status, body := i.ask(t, token, e.method, e.path, e.body, e.header...)
			may := strings.Contains(" "+e.may+" ", " "+name+" ")
			if may != (status != 403) || status == 401 || !may && !strings.Contains(body, "no role with the") && !strings.Contains(body, "needs a role with") {
				t.Errorf("%s, %s: %d %s", e.name, name, status, body)
			}
		}
	}
	eventually(t, "the refusal with its action", func() bool {
		_, body := i.ask(t, i.admin, "GET", "/api/activity?caller=nobody&limit=1000", "")
		return strings.Contains(body, `"missingAction":"Gatehouse/process/profile/action"`) && strings.Contains(body, `"oid":"object-nobody"`)
	})
}

// P13: plain HTTP answers loopback alone; TLS needs a token, and one for this door.
func missionSecureTokens(t *testing.T, h *house) {
	missionSecureDoors(t, h)
	i := h.identities(t)
	good, other := i.token(t, "scraper", queries), i.token(t, "scraper", "api://orders")
	for token, want := range map[string]int{good: 200, other: 401, good + "x": 401, strings.Replace(good, ".", ".e30.", 1): 401} {
		if status, body := i.ask(t, token, "GET", "/metrics", ""); status != want {
			t.Errorf("%d, want %d: %.300s", status, want, body)
		}
	}
	if _, body := i.ask(t, other, "GET", "/metrics", ""); !strings.Contains(body, "audience") || strings.Contains(body, other) {
		t.Error(body)
	}
	if status, answer := i.grant(t, "client-scraper", i.secrets["scraper"], "https://vault.azure.net"); status != 400 {
		t.Errorf("a token for anything: %d %v", status, answer)
	}
}

// P14: who may read group A reads A, is refused at B, and at any change.
func missionScopedReader(t *testing.T, h *house) {
	i := h.identities(t)
	token := i.token(t, "reader-a", queries)
	const account, version = "/providers/Microsoft.Monitor/accounts/", "?api-version=2023-04-03"
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/workspaces/west/prometheus/api/v1/query?query=vector(1)", "", 200},
		{"GET", "/workspaces/WEST/prometheus/api/v1/labels", "", 200},
		{"GET", groupA + account + "west" + version, "", 200},
		{"GET", groupA + account + version, "", 200},
		{"GET", "/workspaces/east/prometheus/api/v1/query?query=vector(1)", "", 403},
		{"GET", "/workspaces/west,east/prometheus/api/v1/query?query=vector(1)", "", 403},
		{"GET", "/prometheus/api/v1/query?query=vector(1)", "", 403},
		{"GET", groupB + account + "east" + version, "", 403},
		{"GET", groupA + "/providers/Microsoft.Insights/dataCollectionRules/east" + version, "", 403},
		{"PUT", groupA + account + "west" + version, `{"location": "x"}`, 403},
		{"PUT", groupA + account + "new" + version, `{"location": "x"}`, 403},
		{"DELETE", groupA + account + "west" + version, "", 403},
		{"POST", "/workspaces/west/prometheus/api/v1/write", samples(t, "x"), 403},
		{"POST", "/workspaces/west/prometheus/-/reload", "", 403},
		{"PUT", "/api/metric-workspaces/west", "{}", 403},
		{"PUT", groupA + "/providers/Microsoft.AlertsManagement/prometheusRuleGroups/g" + version, "{}", 403},
	} {
		status, body := i.ask(t, token, c.method, c.path, c.body)
		if status != c.want {
			t.Errorf("%s %s: %d %.300s", c.method, c.path, status, body)
		}
	}
}

// P15: rules that give a scraper a contributor's rights are refused as a whole, by
// itself and through a group, and the review shows what it has.
func missionScraperNeverContributes(t *testing.T, h *house) {
	i := h.identities(t)
	var review identity.Review
	_, body := i.ask(t, i.admin, "GET", "/api/access-review", "")
	if err := json.Unmarshal([]byte(body), &review); err != nil {
		t.Fatal(err)
	}
	roles := ""
	for _, p := range review.Principals {
		if p.Name == "scraper" {
			for _, r := range p.Roles {
				roles += r.Role + ";"
			}
		}
	}
	if roles != "Monitoring Reader;Monitoring Data Reader;" || strings.Contains(body, "argon2") {
		t.Errorf("the review: %s %s", roles, body)
	}
	before := i.log.String()
	i.assign(t, append([]string{"principal: scraper, role: Contributor, scope: " + houseGroup, "principal: nobody, role: Reader, scope: /"}, identityAssignments...)...)
	eventually(t, "the faulty rules are named", func() bool {
		return strings.Contains(strings.TrimPrefix(i.log.String(), before), "is a scraper's identity")
	})
	token := i.token(t, "scraper", queries)
	if status, _ := i.ask(t, token, "GET", "/metrics", ""); status != 200 {
		t.Errorf("the rules before are not in force: %d", status)
	}
	if status, _ := i.ask(t, i.token(t, "nobody", queries), "GET", "/metrics", ""); status != 403 {
		t.Errorf("the faulty rules are in force: %d", status)
	}
	i.assign(t, identityAssignments...)
}

// P16: a secret of 81 days still works and warns, the next one works beside it, and
// one of 91 days is refused.
func missionSecretsRotate(t *testing.T, h *house) {
	i := h.identities(t)
	for name, want := range map[string]int{"scraper": 200, "scraper 1": 200, "lapsed": 401} {
		client, _, _ := strings.Cut(name, " ")
		status, answer := i.grant(t, "client-"+client, i.secrets[name], queries)
		if status != want || want == 401 && !strings.Contains(fmt.Sprint(answer), "has ended") {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	_, body := i.ask(t, i.admin, "GET", "/api/access-review", "")
	var review identity.Review
	if err := json.Unmarshal([]byte(body), &review); err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, f := range review.Findings {
		if f.Principal == "scraper" || f.Principal == "lapsed" && f.Severity == "error" {
			found += f.Principal + " " + f.Severity + ";"
		}
	}
	if !strings.Contains(found, "scraper warning;") || !strings.Contains(found, "lapsed error;") {
		t.Errorf("findings: %s", body)
	}
	metrics, _ := i.ask(t, i.token(t, "scraper", queries), "GET", "/metrics", "")
	_, text := i.ask(t, i.token(t, "scraper", queries), "GET", "/metrics", "")
	left := `gatehouse_identity_secret_days_left{principal="scraper",secret="` + i.principals["scraper"].Secrets[0].ID + `"} 8.9`
	if metrics != 200 || !strings.Contains(text, left) {
		t.Errorf("%d: no %s", metrics, left)
	}
	// The shipped alerts on old secrets look at these series.
	if !strings.Contains(text, `gatehouse_secret_changed_timestamp_seconds{secret="identity/scraper/client/`) {
		t.Error("the age of a principal's secret is no series")
	}
}

// A04: the identities of a workload, its own and one that is assigned, get tokens
// from the own issuer, and the client id is shown.
func missionServiceIdentities(t *testing.T, h *house) {
	i := h.identities(t)
	get := func(query, header string) (int, map[string]any) {
		req, err := http.NewRequest("GET", i.managed+"/msi/token?api-version=2019-08-01&resource="+url.QueryEscape(ingestion+"/")+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-IDENTITY-HEADER", header)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		out := map[string]any{}
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, out
	}
	header := i.secrets["work managed"]
	for query, want := range map[string]string{"": "client-work", "&client_id=" + assignedClient: assignedClient} {
		if status, answer := get(query, header); status != 200 || answer["client_id"] != want || answer["access_token"] == "" {
			t.Errorf("%q: %d %v", query, status, answer)
		}
	}
	for query, header := range map[string]string{"&client_id=client-writer": header, "": header + "x"} {
		if status, answer := get(query, header); status != 401 {
			t.Errorf("%q: %d %v", query, status, answer)
		}
	}
	if _, body := i.ask(t, i.admin, "GET", "/api/access-review", ""); !strings.Contains(body, `"client_id":"client-work"`) || !strings.Contains(body, `"client_id":"`+assignedClient+`"`) {
		t.Error(body)
	}
	azureIdentities(t, i)
}

// A05: an identity without Monitoring Metrics Publisher is refused by the ingestion
// endpoint and the logger shows why; with the role its items arrive.
func missionPublisherRole(t *testing.T, h *house) {
	i := h.identities(t)
	sender := &house{data: t.TempDir(), service: t.TempDir(), backend: h.backend, log: &lockedText{}, root: t}
	files := map[string]string{}
	sender.addAPI(files, "sent", "", "", false)
	connection := "InstrumentationKey=" + i.key + ";IngestionEndpoint=" + i.monitor
	for id, client := range map[string]string{"own": "SystemAssigned", "assigned": assignedClient} {
		files["loggers/"+id+"/loggerInformation.json"] = fmt.Sprintf(`{"properties":{"loggerType":"applicationInsights","credentials":{"connectionString":%q,"identityClientId":%q}}}`, connection, client)
	}
	files["diagnostics/applicationinsights/diagnosticInformation.json"] = `{"properties":{"loggerId":"/loggers/own"}}`
	files["apis/sent/diagnostics/applicationinsights/diagnosticInformation.json"] = `{"properties":{"loggerId":"/loggers/assigned"}}`
	sender.write(t, files)
	gateway, monitor := freePort(t), freePort(t)
	sender.gateway, sender.monitor = "http://"+gateway, "http://"+monitor
	config := server.DefaultConfig()
	config.Service.Folder, config.Data.Folder, config.Rules.NoShipped = sender.service, sender.data, true
	config.Listen = server.ListenConfig{Gateway: gateway, Monitor: monitor}
	config.Telemetry.Loggers, config.Telemetry.Multiplex = map[string]string{"*": "export"}, true
	config.Identity.Managed = server.ManagedIdentity{Source: "appService", Endpoint: i.managed + "/msi/token", ClientSecret: secretFile(t, i.secrets["work managed"])}
	sender.serve(t, config)
	sender.load(t, 3, "/sent/items/1", http.StatusOK)
	state := func(id string) (string, string) {
		var list struct {
			Loggers []struct {
				ID, State, Error string
				LastError        string `json:"last_error"`
				Client           string `json:"client_id"`
			}
		}
		sender.get(t, "/api/loggers", &list)
		for _, l := range list.Loggers {
			if l.ID == id {
				return l.State, l.LastError
			}
		}
		return "", ""
	}
	eventually(t, "the identity with the role sends", func() bool { s, _ := state("own"); return s == "ok" })
	eventually(t, "the identity without the role is refused", func() bool {
		s, why := state("assigned")
		return s == "failing" && strings.Contains(why, "403") && strings.Contains(why, "Monitoring Metrics Publisher")
	})
	rows := func() string {
		_, body := i.ask(t, i.admin, "GET", "/v1/workspaces/guarded/query?query="+url.QueryEscape("requests | summarize sum(itemCount)"), "")
		return body
	}
	eventually(t, "the rows of the one", func() bool { return strings.Contains(rows(), "[[3]]") })
	i.assign(t, append([]string{"principal: user, role: Monitoring Metrics Publisher, scope: " + houseGroup}, identityAssignments...)...)
	defer i.assign(t, identityAssignments...)
	within(t, 2*time.Minute, "the other has the role too", func() bool { // what was refused is not sent again
		sender.load(t, 1, "/sent/items/1", http.StatusOK)
		s, _ := state("assigned")
		return s == "ok"
	})
}

// A46: a private-only scope blocks its network from what is not in it, adding the
// workspace unblocks it and blocks outsiders; the doctor names the cause.
func missionPrivateLinks(t *testing.T, h *house) {
	i := h.identities(t)
	outside := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext}}
	t.Cleanup(outside.CloseIdleConnections)
	call := func(c *http.Client, method, path, body string) (int, string) {
		req, err := http.NewRequest(method, i.monitor+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(data)
	}
	item := `[{"name":"Microsoft.ApplicationInsights.Event","time":"` + time.Now().UTC().Format(time.RFC3339) + `","iKey":"` + linkedKey + `","data":{"baseType":"EventData","baseData":{"ver":2,"name":"linked"}}}]`
	state := func() string {
		text := ""
		for _, c := range []*http.Client{http.DefaultClient, outside} {
			sent, _ := call(c, "POST", "/v2/track", item)
			read, _ := call(c, "GET", "/v1/workspaces/linked/query?query=print+1", "")
			rows, _ := call(c, "GET", "/api/transactions?workspace=linked", "")
			text += fmt.Sprint(sent, read, rows, " ")
		}
		return strings.TrimSpace(text)
	}
	scope := func(workspaces string) {
		text := "privateLinks: [{name: mission, networks: [127.0.0.1/32], query: PrivateOnly, ingestion: PrivateOnly, workspaces: [" + workspaces + "]}]\nassignments:\n"
		i.replaceRules(t, text, identityAssignments...)
	}
	defer i.assign(t, identityAssignments...)
	if got := state(); got != "200 200 200 200 200 200" {
		t.Errorf("without a scope: %s", got)
	}
	scope("")
	within(t, time.Minute, "the network is blocked", func() bool { return state() == "403 403 403 200 200 200" })
	_, found := call(http.DefaultClient, "GET", "/api/doctor", "")
	for _, kind := range []string{"ingestion", "query"} {
		if !strings.Contains(found, kind+" from 127.0.0.1: the private link scope mission is PrivateOnly for "+kind+" and does not have the workspace linked: add it") {
			t.Errorf("the doctor on %s: %s", kind, found)
		}
	}
	scope("linked")
	within(t, time.Minute, "the workspace is in the scope", func() bool { return state() == "200 200 200 403 403 403" })
}

// prometheus runs a stock Prometheus with the identity of a principal.
func (i *identities) prometheus(t *testing.T, config string, environment ...string) (base string, log *lockedText) {
	t.Helper()
	folder, err := upstream.Prometheus(filepath.Join("..", ".."))
	if err != nil {
		t.Fatalf("prometheus cannot be built here: %v", err)
	}
	dir, address := t.TempDir(), freePort(t)
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log = &lockedText{}
	cmd := exec.Command(filepath.Join(folder, "prometheus"), "--config.file", file, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", address)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, append(os.Environ(), environment...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Prometheus's log:\n%s", log)
		}
	})
	return "http://" + address, log
}

// oauth2 is the block of a Prometheus for a principal.
func (i *identities) oauth2(name string) string {
	return fmt.Sprintf("oauth2: {client_id: client-%s, client_secret: %s, token_url: %s/adfs/oauth2/v2.0/token, scopes: [%s/.default], tls_config: {ca_file: %s}}",
		name, i.secrets[name], i.issuer, queries, i.ca())
}

func (i *identities) ca() string { return filepath.Join(i.data, "ca", "ca.crt") }

// P28: a stock Prometheus scrapes and federates with the identity of a principal,
// and is refused with that of another.
func missionStockPrometheus(t *testing.T, h *house) {
	i := h.identities(t)
	job := func(name, principal, path string) string {
		return fmt.Sprintf(`
- job_name: %s
  scheme: https
  metrics_path: %s
  params: {"match[]": ["gatehouse_start_time_seconds"]}
  %s
  tls_config: {ca_file: %s}
  static_configs: [{targets: [%q]}]`, name, path, i.oauth2(principal), i.ca(), strings.TrimPrefix(i.secure, "https://"))
	}
	base, _ := i.prometheus(t, "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:"+
		job("gateway", "scraper", "/metrics")+job("federated", "scraper", "/prometheus/federate")+job("refused", "nobody", "/metrics"))
	health := func() string {
		resp, err := http.Get(base + "/api/v1/targets")
		if err != nil {
			return ""
		}
		defer resp.Body.Close()
		var out struct {
			Data struct {
				ActiveTargets []struct {
					Labels            map[string]string
					Health, LastError string
				}
			}
		}
		_ = json.NewDecoder(resp.Body).Decode(&out)
		var list []string
		for _, one := range out.Data.ActiveTargets {
			list = append(list, strings.TrimSpace(one.Labels["job"]+" "+one.Health+" "+one.LastError))
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	}
	const want = "federated up, gateway up, refused down server returned HTTP status 403 Forbidden"
	eventually(t, "two targets are up and one is refused", func() bool { return health() == want })
	eventually(t, "the series of both", func() bool {
		resp, err := http.Get(base + "/api/v1/query?query=" + url.QueryEscape("count by (job) (gatehouse_start_time_seconds)"))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		data, _ := io.ReadAll(resp.Body)
		return bytes.Contains(data, []byte(`"job":"gateway"`)) && bytes.Contains(data, []byte(`"job":"federated"`))
	})
}

// M12: remote write with a managed identity, as the azuread block of a stock
// Prometheus asks for it, and with a client secret.
func missionManagedWrite(t *testing.T, h *house) {
	i := h.identities(t)
	write := func(auth, label string) string {
		return fmt.Sprintf("- url: %s/dataCollectionRules/default/streams/Microsoft-PrometheusMetrics/api/v1/write\n  tls_config: {ca_file: %s}\n  %s\n  queue_config: {batch_send_deadline: 1s}\n  write_relabel_configs: [{target_label: sent, replacement: %s}]\n",
			i.secure, i.ca(), auth, label)
	}
	// A plain target of this machine: the gateway's own metrics, to a local user.
	i.prometheus(t, fmt.Sprintf("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- {job_name: mission-managed, static_configs: [{targets: [%q]}], metric_relabel_configs: [{source_labels: [__name__], regex: gatehouse_start_time_seconds, action: keep}]}\nremote_write:\n%s%s",
		strings.TrimPrefix(i.monitor, "http://"), write("azuread: {managed_identity: {client_id: ''}}", "managed"), write(i.oauth2("writer"), "secret")),
		"IDENTITY_ENDPOINT="+i.managed+"/msi/token", "IDENTITY_HEADER="+i.secrets["work managed"])
	for _, label := range []string{"managed", "secret"} {
		eventually(t, "samples sent by "+label, func() bool {
			_, body := i.ask(t, i.admin, "GET", "/prometheus/api/v1/query?query="+url.QueryEscape(`count(up{job="mission-managed",sent="`+label+`"})`), "")
			return strings.Contains(body, `"1"]`)
		})
	}
}

// P26: a change of the one file of rules governs console and APIs at once.
func missionGroupChange(t *testing.T, h *house) {
	i := h.identities(t)
	token := i.token(t, "mover", queries)
	may := func(path string) bool {
		status, _ := i.ask(t, token, "GET", path, "")
		return status == 200
	}
	console, api := "/api/status", "/prometheus/api/v1/query?query=vector(1)"
	if may(console) || may(api) {
		t.Error("a principal without a role is let in")
	}
	rules := func(members string) {
		text := "groups: [{name: crew, members: [" + members + "]}]\nassignments:\n- {group: crew, role: Reader, scope: /}\n- {group: crew, role: Monitoring Data Reader, scope: /}\n"
		i.replaceRules(t, text, identityAssignments...)
	}
	rules("mover")
	within(t, time.Minute, "the group has one more", func() bool { return may(console) && may(api) })
	rules("")
	within(t, time.Minute, "the group has one less", func() bool { return !may(console) && !may(api) })
	i.assign(t, identityAssignments...)
}

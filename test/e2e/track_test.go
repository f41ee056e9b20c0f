package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// begin runs a gateway whose one API nobody calls.
func begin(t *testing.T, data string) *process {
	t.Helper()
	return start(t, data, "--service", folder(t, service("http://127.0.0.1:1", nil)))
}

// connection is what the program prints for SDKs.
var connection = regexp.MustCompile(`InstrumentationKey=([^;]+);.*ApplicationId=(\S+)`)

// workspaceKey gives the default workspace's key and application id.
func (p *process) workspaceKey() (key, application string) {
	p.t.Helper()
	var found []string
	p.wait("the connection string", func() bool {
		found = connection.FindStringSubmatch(p.out.String())
		return found != nil
	})
	return found[1], found[2]
}

// trackAnswer is what a sender of items is told.
type trackAnswer struct {
	status   int
	retry    string
	Received int `json:"itemsReceived"`
	Accepted int `json:"itemsAccepted"`
	Errors   []struct {
		StatusCode int `json:"statusCode"`
	} `json:"errors"`
}

// track sends events of these names as an SDK does. An error is a connection
// that ended: then nothing is acknowledged.
func (p *process) track(key string, names ...string) (a trackAnswer, err error) {
	var body bytes.Buffer
	for _, name := range names {
		fmt.Fprintf(&body, `{"time":%q,"iKey":%q,"data":{"baseType":"EventData","baseData":{"name":%q}}}`+"\n", time.Now().UTC().Format(time.RFC3339Nano), key, name)
	}
	resp, err := http.Post(p.monitor+"/v2/track", "application/x-json-stream", &body)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	a.status, a.retry = resp.StatusCode, resp.Header.Get("Retry-After")
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

// events counts the stored events by name.
func (p *process) events(application, prefix string) map[string]int {
	p.t.Helper()
	query, err := json.Marshal(map[string]string{"query": fmt.Sprintf("customEvents | where name startswith %q | summarize n = count() by name", prefix)})
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.Post(p.monitor+"/v1/apps/"+application+"/query", "application/json", bytes.NewReader(query))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		Tables []struct {
			Rows [][]any `json:"rows"`
		} `json:"tables"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("query: %d %v", resp.StatusCode, err)
	}
	counts := map[string]int{}
	for _, table := range out.Tables {
		for _, row := range table.Rows {
			counts[row[0].(string)] = int(row[1].(float64))
		}
	}
	return counts
}

// hold waits until each of the names is there once.
func (p *process) hold(application, prefix string, names []string) {
	p.t.Helper()
	var counts map[string]int
	missing := func() (list []string) {
		for _, name := range names {
			if counts[name] != 1 {
				list = append(list, fmt.Sprint(name, ": ", counts[name]))
			}
		}
		return list
	}
	p.wait(fmt.Sprintf("%d acknowledged events", len(names)), func() bool {
		counts = p.events(application, prefix)
		return len(missing()) == 0
	})
}

// An item can be found within seconds of its request.
func TestTrackedItemsAreSearchableSoon(t *testing.T) {
	p := begin(t, "")
	key, application := p.workspaceKey()
	p.events(application, "warm") // the engine opens with its first query
	sent := time.Now()
	if a, err := p.track(key, "soon"); err != nil || a.status != http.StatusOK {
		t.Fatalf("%+v %v", a, err)
	}
	p.hold(application, "soon", []string{"soon"})
	took := time.Since(sent)
	fmt.Printf("track/searchable after %v\n", took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Logf("later than the 5 s that a machine of its own takes")
	}
}

// kill -9 while four senders send: whatever was acknowledged is there, once.
func TestKillLosesNothingAcknowledgedAtTrack(t *testing.T) {
	data := t.TempDir()
	p := begin(t, data)
	key, _ := p.workspaceKey()
	const senders, size = 4, 20
	var mu sync.Mutex
	var acknowledged []string
	batches := make(chan struct{}, 10_000)
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for n := range 10_000 / senders {
				names := make([]string, size)
				for i := range names {
					names[i] = fmt.Sprintf("load-%d-%d-%d", sender, n, i)
				}
				a, err := p.track(key, names...)
				if err != nil {
					return
				}
				if a.status == http.StatusOK && a.Accepted == size {
					mu.Lock()
					acknowledged = append(acknowledged, names...)
					mu.Unlock()
					batches <- struct{}{}
				}
			}
		})
	}
	for range 100 {
		select {
		case <-batches:
		case <-time.After(30 * time.Second):
			t.Fatal("no batch was taken within 30 s")
		}
	}
	p.kill()
	wg.Wait()
	p = begin(t, data)
	_, application := p.workspaceKey()
	p.hold(application, "load-", acknowledged)
	fmt.Printf("track/killed: %d of %d acknowledged events are there\n", len(acknowledged), len(acknowledged))
}

// smallDisk is a file system of a given size that ends with the test.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := mount(dir, megabytes); err != nil {
		t.Skip("no small file system can be mounted here (root is needed): ", err)
	}
	t.Cleanup(func() { _ = unmount(dir) })
	return dir
}

// fill takes all room that is left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// A full disk refuses items with 503 and a time to come again; when there is
// room they are taken again, without a restart. Nothing acknowledged is lost.
func TestFullDiskRefusesItemsAndRecovers(t *testing.T) {
	disk := smallDisk(t, 160)
	ballast := filepath.Join(disk, "ballast")
	p := begin(t, filepath.Join(disk, "data"))
	key, application := p.workspaceKey()
	var acknowledged []string
	n := 0
	send := func() trackAnswer {
		n++
		name := fmt.Sprintf("disk-%d-%s", n, strings.Repeat("x", 400)) // fills what a page has left
		a, err := p.track(key, name)
		if err != nil {
			t.Fatal(err)
		}
		if a.status == http.StatusOK {
			acknowledged = append(acknowledged, name)
		}
		return a
	}
	if a := send(); a.status != http.StatusOK {
		t.Fatalf("%+v", a)
	}
	fill(t, ballast)
	var refused trackAnswer
	p.wait("a refusal", func() bool {
		refused = send()
		return refused.status != http.StatusOK
	})
	if refused.status != http.StatusServiceUnavailable || refused.Accepted != 0 || len(refused.Errors) != 1 || refused.Errors[0].StatusCode != 503 {
		t.Errorf("a full disk answers %+v", refused)
	}
	if _, err := http.ParseTime(refused.retry); err != nil {
		t.Errorf("Retry-After %q: %v", refused.retry, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	p.wait("items are taken again", func() bool { return send().status == http.StatusOK })
	p.hold(application, "disk-", acknowledged)
	p.kill()
	p = begin(t, filepath.Join(disk, "data"))
	p.hold(application, "disk-", acknowledged)
	if all := p.events(application, "disk-"); len(all) != len(acknowledged) {
		t.Errorf("%d events are there, %d were acknowledged", len(all), len(acknowledged))
	}
}

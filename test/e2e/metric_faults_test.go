package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// write sends one sample of each series, numbered from first, by remote write.
func (p *process) write(name string, first, n int) (int, error) {
	request := &prompb.WriteRequest{}
	for i := first; i < first+n; i++ {
		request.Timeseries = append(request.Timeseries, prompb.TimeSeries{
			Labels:  []prompb.Label{{Name: "__name__", Value: name}, {Name: "n", Value: fmt.Sprintf("%06d", i)}},
			Samples: []prompb.Sample{{Value: 1, Timestamp: time.Now().UnixMilli()}},
		})
	}
	body, err := request.Marshal()
	if err != nil {
		return 0, err
	}
	resp, err := http.Post(p.monitor+"/prometheus/api/v1/write", "application/x-protobuf", bytes.NewReader(snappy.Encode(nil, body)))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, nil
}

type alertList struct {
	Data struct {
		Alerts []struct {
			State    string
			Labels   map[string]string
			ActiveAt time.Time
		}
	}
}

// pending gives when the alert became active; zero when it is not pending.
func (p *process) pending(name string) time.Time {
	var out alertList
	p.get("/prometheus/api/v1/alerts", &out)
	for _, a := range out.Data.Alerts {
		if a.Labels["alertname"] == name && a.State == "pending" {
			return a.ActiveAt
		}
	}
	return time.Time{}
}

const pendingRules = `groups:
- name: test
  interval: 1s
  rules:
  - {alert: Waits, expr: "vector(1)", for: 1h}
`

// kill -9 while samples are written and while an alert is pending: every sample
// that was acknowledged is there after the next start, and the alert goes on
// waiting from when it began.
func TestKillKeepsSamplesAndPendingAlerts(t *testing.T) {
	data, dir := t.TempDir(), folder(t, service(echo(t).URL, nil))
	rules := filepath.Join(t.TempDir(), "rules.yml")
	write(t, filepath.Dir(rules), map[string]string{"rules.yml": pendingRules})
	p := start(t, data, "--service", dir, "--rules", rules)
	var began time.Time
	p.wait("the alert is pending", func() bool { began = p.pending("Waits"); return !began.IsZero() })
	p.wait("its state is a sample", func() bool { return p.query(`ALERTS_FOR_STATE{alertname="Waits"}`) > 0 })
	const each = 200
	acknowledged := make(chan int, 1)
	go func() {
		n := 0
		for {
			if status, err := p.write("survives", n, each); err != nil || status/100 != 2 {
				acknowledged <- n
				return
			}
			n += each
		}
	}()
	p.wait("samples are taken", func() bool { return p.query("count(survives)") >= 20*each })
	p.kill()
	wrote := <-acknowledged
	started := time.Now()
	again := start(t, data, "--service", dir, "--rules", rules)
	again.wait("the acknowledged samples", func() bool { return again.query("count(survives)") >= float64(wrote) })
	var since time.Time
	again.wait("the alert is pending again", func() bool { since = again.pending("Waits"); return !since.IsZero() && since.Before(started) })
	t.Logf("%d samples acknowledged before kill -9; the alert was active at %s and is so since %s", wrote, began.Format(time.TimeOnly), since.Format(time.TimeOnly))
}

// A full disk refuses samples with a status that senders repeat; with room again
// they are taken without a restart, and nothing that was acknowledged is lost.
func TestFullDiskRefusesSamplesAndRecovers(t *testing.T) {
	disk := smallDisk(t, 200)
	ballast := filepath.Join(disk, "ballast")
	dir := folder(t, service(echo(t).URL, nil))
	p := start(t, filepath.Join(disk, "data"), "--service", dir)
	n, status := 0, 0
	send := func() int {
		var err error
		if status, err = p.write("kept", n, 500); err != nil {
			t.Fatal(err)
		}
		if status/100 == 2 {
			n += 500
		}
		return status
	}
	if send()/100 != 2 {
		t.Fatalf("%d", status)
	}
	fill(t, ballast)
	p.wait("a refusal", func() bool { return send()/100 != 2 })
	if status/100 != 5 {
		t.Errorf("a full disk answers %d: a sender would give its samples up", status)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	p.wait("samples are taken again", func() bool { return send()/100 == 2 })
	p.wait("all that was acknowledged", func() bool { return p.query("count(kept)") >= float64(n) })
	p.kill()
	again := start(t, filepath.Join(disk, "data"), "--service", dir)
	again.wait("all that was acknowledged, after kill -9", func() bool { return again.query("count(last_over_time(kept[1h]))") >= float64(n) })
}

package conformance

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"

	"gatehouse/internal/activity"
	"gatehouse/internal/server"
)

// olderBlock puts a block with one series of twelve samples, which ends a day ago,
// into a data folder, and gives the time of the last sample.
func olderBlock(t *testing.T, data string) time.Time {
	t.Helper()
	db, err := tsdb.Open(t.TempDir(), nil, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	last := time.Now().Add(-24 * time.Hour).Truncate(2 * time.Hour).Add(time.Hour)
	a := db.Appender(t.Context())
	for n := range 12 {
		if _, err := a.Append(0, labels.FromStrings("__name__", "archived_before"), last.Add(time.Duration(n-11)*time.Minute).UnixMilli(), float64(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Commit(); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(data, "tsdb", "default")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := db.Snapshot(folder, true); err != nil {
		t.Fatal(err)
	}
	return last
}

// P20: blocks of samples and audit events land in object storage and events at a
// syslog receiver; a restored block answers queries.
func missionArchive(t *testing.T, h *house) {
	backend := s3mem.New()
	if err := backend.CreateBucket("archive"); err != nil {
		t.Fatal(err)
	}
	objects := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(objects.Close)
	syslog, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syslog.Close() })
	events := &lockedText{}
	go func() {
		room := make([]byte, 64<<10)
		for {
			n, _, err := syslog.ReadFrom(room)
			if err != nil {
				return
			}
			_, _ = events.Write(append(room[:n:n], '\n'))
		}
	}()
	secret := secretFile(t, "object-secret")
	bucket := server.BucketConfig{Endpoint: objects.URL, Bucket: "archive", Prefix: "site", Region: "us-east-1", AccessKey: secret, SecretKey: secret}
	files, data := map[string]string{}, h.root.TempDir()
	h.addAPI(files, "plain", "", "", false)
	last := olderBlock(t, data)
	yesterday := filepath.Join(data, "activity", time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)+".jsonl")
	log, err := activity.Open(filepath.Dir(yesterday), activity.Options{Now: func() time.Time { return time.Now().AddDate(0, 0, -1) }})
	if err != nil {
		t.Fatal(err)
	}
	log.Append(activity.Event{Time: time.Now().AddDate(0, 0, -1), OperationName: "Gatehouse/yesterday/read"})
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	settings := func(c *server.Config) {
		c.Rules.NoShipped = true
		c.Archive = server.ArchiveConfig{S3: bucket, Interval: server.Duration(200 * time.Millisecond)}
	}
	first, _ := h.runTenantIn(t, "archived", data, files, func(c *server.Config) {
		settings(c)
		c.SIEM = []server.SinkConfig{{Name: "soc", Format: "syslog", Address: "udp://" + syslog.LocalAddr().String()}}
	})
	want := first.queryAt(t, "archived_before", float64(last.Unix()))
	within(t, time.Minute, "the query's event is at the syslog receiver", func() bool {
		return strings.Contains(events.String(), "Microsoft.Monitor/accounts/data/metrics/read")
	})
	config := server.DefaultConfig()
	config.Data.Folder = h.root.TempDir()
	settings(&config)
	q := server.ArchiveRequest{Workspace: "default", From: last.Add(-time.Hour), To: last}
	within(t, time.Minute, "the block and the day are in object storage", func() bool {
		var out bytes.Buffer
		listed := server.ListArchive(context.Background(), config, q, &out)
		day, err := backend.HeadObject("archive", "site/activity/"+filepath.Base(yesterday))
		return listed == nil && strings.Contains(out.String(), "1 series, 12 samples") && err == nil && day != nil
	})
	// A Gatehouse without samples answers as the first one did.
	if err := server.RestoreArchive(context.Background(), config, q, io.Discard); err != nil {
		t.Fatal(err)
	}
	second, _ := h.runTenantIn(t, "restored", config.Data.Folder, files, settings)
	if got := second.queryAt(t, "archived_before", float64(last.Unix())); got != want || want != 11 {
		t.Errorf("%g, and %g before", got, want)
	}
	if err := server.RestoreArchive(context.Background(), config, q, io.Discard); err == nil || !strings.Contains(err.Error(), "used by another gatehouse") {
		t.Errorf("restored into a running one: %v", err)
	}
}

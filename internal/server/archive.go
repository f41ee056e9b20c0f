package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/store/archive"
	"gatehouse/internal/store/catalog"
)

// ArchiveConfig is where blocks of samples and closed days of the activity log are
// kept beyond their retention. Without a folder and a bucket nothing is archived.
type ArchiveConfig struct {
	Folder   string       `yaml:"folder"`
	S3       BucketConfig `yaml:"s3"`
	Interval Duration     `yaml:"interval"` // between two looks for what is new; default 5 min
}

// BucketConfig is a bucket of object storage that speaks S3.
type BucketConfig struct {
	Endpoint  string `yaml:"endpoint"`
	Bucket    string `yaml:"bucket"`
	Prefix    string `yaml:"prefix"`
	Region    string `yaml:"region"`
	AccessKey Secret `yaml:"accessKey"` // none: as AWS's own tools find one
	SecretKey Secret `yaml:"secretKey"`
	CAFile    string `yaml:"caFile"`
}

const archiveInterval = 5 * time.Minute

func (c *ArchiveConfig) check() error {
	switch {
	case c.Folder != "" && c.S3.Bucket != "":
		return errors.New("archive: a folder or a bucket, not both")
	case c.S3.Bucket == "" && c.S3.Endpoint != "":
		return errors.New("archive.s3: bucket is missing")
	case c.Interval < 0:
		return errors.New("archive.interval must not be negative")
	}
	if u, err := url.Parse(c.S3.Endpoint); c.S3.Bucket != "" && (err != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Host) && !loopback(u.Host+":80"))) {
		return fmt.Errorf("archive.s3.endpoint %.200q: use https, or http on a loopback address", c.S3.Endpoint)
	}
	return nil
}

// open gives the store, nil: nothing is archived.
func (c *ArchiveConfig) open() (archive.Store, error) {
	if c.Folder != "" {
		return archive.Folder(c.Folder), nil
	}
	if c.S3.Bucket == "" {
		return nil, nil
	}
	o := archive.S3Options{Endpoint: c.S3.Endpoint, Bucket: c.S3.Bucket, Prefix: c.S3.Prefix, Region: c.S3.Region}
	var err error
	if o.AccessKey, err = c.S3.AccessKey.read(); err != nil {
		return nil, fmt.Errorf("archive.s3.accessKey: %w", err)
	}
	if o.SecretKey, err = c.S3.SecretKey.read(); err != nil {
		return nil, fmt.Errorf("archive.s3.secretKey: %w", err)
	}
	if c.S3.CAFile != "" {
		if o.Transport, err = trustingTransport("archive.s3.caFile", c.S3.CAFile); err != nil {
			return nil, err
		}
	}
	store, err := archive.NewS3(o)
	if err != nil {
		return nil, fmt.Errorf("archive.s3: %w", err)
	}
	return store, nil
}

// archiver uploads what does not change any more.
type archiver struct {
	store    archive.Store
	server   *Server
	failing  bool
	uploaded *prometheus.CounterVec
	failures prometheus.Counter
	last     prometheus.Gauge
}

func (s *Server) openArchive() error {
	store, err := s.config.Archive.open()
	if err != nil || store == nil {
		return err
	}
	a := &archiver{store: store, server: s,
		uploaded: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_archive_uploads_total", Help: "Blocks of samples and days of the activity log that were archived."}, []string{"kind"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_archive_failures_total", Help: "Looks at the stores after which something new was not archived."}),
		last:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatehouse_archive_last_success_timestamp_seconds", Help: "When everything was archived last."})}
	s.registry.MustRegister(a.uploaded, a.failures, a.last)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.run(ctx)
	}()
	s.onClose("archive", func() error {
		cancel()
		<-done
		return nil
	})
	return nil
}

func (a *archiver) run(ctx context.Context) {
	interval := time.Duration(a.server.config.Archive.Interval)
	if interval == 0 {
		interval = archiveInterval
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := a.look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			a.failures.Inc()
			if !a.failing {
				a.server.log.Error("blocks or events are not archived; it is tried again, and they are lost when their retention ends before", "error", err)
			}
		default:
			a.last.SetToCurrentTime()
		}
		a.failing = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look archives what is new. One that fails does not keep the others back.
func (a *archiver) look(ctx context.Context) error {
	var errs []error
	note := func(kind string, added bool, err error) {
		if errors.Is(err, fs.ErrNotExist) {
			return // compacted or too old meanwhile
		}
		if added {
			a.uploaded.WithLabelValues(kind).Inc()
		}
		errs = append(errs, err)
	}
	blocks, _ := filepath.Glob(filepath.Join(a.server.samplesFolder(), "*", "*", "meta.json"))
	for _, path := range blocks {
		folder := filepath.Dir(path)
		if archive.IsBlock(filepath.Base(folder)) && ctx.Err() == nil {
			added, err := archive.Upload(ctx, a.store, filepath.Base(filepath.Dir(folder)), folder)
			note("block", added, err)
		}
	}
	days, _ := filepath.Glob(filepath.Join(a.server.config.Data.Folder, "activity", "*"))
	today := time.Now().UTC().Format(time.DateOnly)
	for _, path := range days {
		if day := archive.DayOf(filepath.Base(path)); day != "" && day < today && ctx.Err() == nil {
			added, err := archive.UploadDay(ctx, a.store, path)
			note("activity", added, err)
		}
	}
	return errors.Join(errs...)
}

// ArchiveRequest chooses blocks of an archive.
type ArchiveRequest struct {
	Workspace string // "": all
	From, To  time.Time
}

func (c *Config) archived(ctx context.Context, q ArchiveRequest) (archive.Store, []*archive.Block, error) {
	if err := c.Archive.check(); err != nil {
		return nil, nil, err
	}
	store, err := c.Archive.open()
	if err != nil {
		return nil, nil, err
	}
	if store == nil {
		return nil, nil, errors.New("the settings have no archive: set archive.folder or archive.s3")
	}
	blocks, err := archive.Blocks(ctx, store, q.Workspace)
	if err != nil {
		return nil, nil, err
	}
	return store, archive.Between(blocks, q.From.UnixMilli(), q.To.UnixMilli()), nil
}

// ListArchive prints the archived blocks of a time.
func ListArchive(ctx context.Context, config Config, q ArchiveRequest, out io.Writer) error {
	_, blocks, err := config.archived(ctx, q)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		fmt.Fprintf(out, "%s %s %s to %s, %d series, %d samples, %d bytes\n", b.Workspace, b.ID, stamp(b.MinTime), stamp(b.MaxTime), b.Series, b.Samples, b.Bytes())
	}
	_, err = fmt.Fprintf(out, "%d blocks\n", len(blocks))
	return err
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// RestoreArchive puts archived blocks back into the data folder of a Gatehouse that
// does not run.
func RestoreArchive(ctx context.Context, config Config, q ArchiveRequest, out io.Writer) (err error) {
	store, blocks, err := config.archived(ctx, q)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(config.Data.Folder, 0o750); err != nil {
		return err
	}
	lock, err := catalog.Lock(config.Data.Folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	for _, b := range blocks {
		if keeps := config.retentionOf(b.Workspace); time.Since(time.UnixMilli(b.MinTime)) > keeps {
			return fmt.Errorf("block %s begins at %s and workspace %s keeps samples for %s: it would be removed at the next start; set data.metricRetention, or the workspace's retention, longer", b.ID, stamp(b.MinTime), b.Workspace, keeps)
		}
	}
	restored := 0
	for _, b := range blocks {
		added, err := archive.Restore(ctx, store, b, filepath.Join(config.Data.Folder, "tsdb", b.Workspace))
		if err != nil {
			return err
		}
		if added {
			restored++
		}
	}
	_, err = fmt.Fprintf(out, "%d blocks restored, %d were there already\n", restored, len(blocks)-restored)
	return err
}

// retentionOf is how long a workspace keeps samples.
func (c *Config) retentionOf(workspace string) time.Duration {
	for i := range c.Metrics.Workspaces {
		if w := &c.Metrics.Workspaces[i]; w.Name == workspace && w.Retention > 0 {
			return time.Duration(w.Retention)
		}
	}
	return time.Duration(c.Data.MetricRetention)
}

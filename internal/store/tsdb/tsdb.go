// Package tsdb keeps samples: one Prometheus TSDB (head, write-ahead log,
// blocks, exemplars, retention) for one workspace folder.
//
// What comes in: samples through the Prometheus appender interfaces, and the
// result of gathering a client_golang registry. What goes out: the Prometheus
// querier interfaces and statistics. It must never evaluate a query, know a
// rule, serve HTTP or read outside its own folder.
package tsdb

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"
)

// Options of one workspace's samples. The zero value of a field means its
// default; Folder is required.
type Options struct {
	Folder    string // parent of the workspace folders, e.g. data/tsdb
	Workspace string // name of the folder below it; default "default"

	Retention        time.Duration // default 30 days
	MaxBytes         int64         // of blocks; 0: no limit by size
	MaxSeries        int64         // active series; default 1 000 000, below 0: no limit
	OutOfOrderWindow time.Duration // default 10 minutes, below 0: none
	MaxExemplars     int64         // default 10 000, below 0: none
	StripeSize       int           // of the series map; default 1024, a power of two
	Admission        Admission     // of new series; default all

	// Job and Instance are the target labels of WriteGathered.
	Job      string // default "gatehouse"
	Instance string // default "gatehouse"

	Logger     *slog.Logger
	Registerer prometheus.Registerer // wrapped with the workspace as a label when there are several
}

func (o Options) withDefaults() Options {
	setDefault(&o.Workspace, "default")
	setDefault(&o.Retention, 30*24*time.Hour)
	setDefault(&o.MaxSeries, 1_000_000)
	setDefault(&o.OutOfOrderWindow, 10*time.Minute)
	setDefault(&o.MaxExemplars, 10_000)
	setDefault(&o.StripeSize, 1024)
	setDefault(&o.Job, "gatehouse")
	setDefault(&o.Instance, "gatehouse")
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// DB is one workspace's samples. It is a storage.Appendable and AppendableV2,
// SampleAndChunkQueryable, ExemplarQueryable, and what the status pages of the
// Prometheus HTTP API ask for. Close it after everything that writes to it.
type DB struct {
	*tsdb.DB
	limit  *seriesLimit
	gather *gatherWriter
	hash   bool // personal data in label values

	meter   meter
	refused refusals
}

var workspaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// Open opens or creates the workspace's folder and replays its write-ahead
// log; that takes about 26 s for a million series.
func Open(o Options) (*DB, error) {
	o = o.withDefaults()
	if o.Folder == "" {
		return nil, fmt.Errorf("open samples of workspace %q: no folder is given", o.Workspace)
	}
	if !workspaceName.MatchString(o.Workspace) {
		return nil, fmt.Errorf("open samples: workspace name %q: use letters, digits, '.', '_' and '-', at most 128, beginning with a letter or digit", o.Workspace)
	}
	dir := filepath.Join(o.Folder, o.Workspace)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("open samples of workspace %q: %w", o.Workspace, err)
	}
	limit := &seriesLimit{}
	db, err := tsdb.Open(dir, o.Logger.With("component", "tsdb", "workspace", o.Workspace), o.Registerer, upstreamOptions(o, limit), nil)
	if err != nil {
		return nil, fmt.Errorf("open samples in %s: %w", dir, err)
	}
	// The limit starts now: the hook also runs while the log is replayed, and
	// an error there would be taken for a corrupted log.
	limit.max.Store(max(o.MaxSeries, 0))
	if o.Admission != (Admission{}) {
		limit.admission.Store(&o.Admission)
	}
	out := &DB{DB: db, limit: limit, hash: o.Admission.Personal == PersonalHash}
	out.gather = newGatherWriter(out, o.Job, o.Instance)
	return out, nil
}

// Remove deletes the folder of a workspace that is closed. A folder that is not
// there is no error.
func Remove(folder, workspace string) error {
	if folder == "" || !workspaceName.MatchString(workspace) {
		return fmt.Errorf("remove samples: %q is not the name of a workspace", workspace)
	}
	if err := os.RemoveAll(filepath.Join(folder, workspace)); err != nil {
		return fmt.Errorf("remove samples of workspace %q: %w", workspace, err)
	}
	return nil
}

// upstreamOptions starts from the library's defaults: a zero tsdb.Options has
// no chunk encoding. Compression, block length and exemplars are set as the
// Prometheus server sets them.
func upstreamOptions(o Options, limit *seriesLimit) *tsdb.Options {
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = o.Retention.Milliseconds()
	opts.MaxBytes = o.MaxBytes
	opts.MaxBlockDuration = max(min(o.Retention/10, 31*24*time.Hour), 2*time.Hour).Milliseconds()
	opts.WALCompression = compression.Snappy
	opts.StripeSize = o.StripeSize
	opts.EnableExemplarStorage = o.MaxExemplars > 0
	opts.MaxExemplars = max(o.MaxExemplars, 0)
	opts.OutOfOrderTimeWindow = max(o.OutOfOrderWindow, 0).Milliseconds()
	opts.SeriesLifecycleCallback = limit
	// A counter that is first seen above zero gets a zero at its creation, so
	// that increase() counts its first events.
	opts.EnableSTAsZeroSample = true
	// The lock of the data folder stands in front. The library's own would greet
	// every start after a crash with a warning about its leftover.
	opts.NoLockfile = true
	return opts
}

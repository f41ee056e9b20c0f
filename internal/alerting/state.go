package alerting

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/alerting/delivery"
	"gatehouse/internal/alerting/ledger"
)

// Names of the state given to Load and Save.
const (
	SilencesState = "silences"
	NotifiedState = "nflog"
)

// loadState restores silences and what was notified, so that a restart neither
// forgets a silence nor notifies twice.
func (a *Alertmanager) loadState() error {
	silences, err := a.load(SilencesState)
	if err != nil {
		return err
	}
	notified, err := a.load(NotifiedState)
	if err != nil {
		return err
	}
	a.silences, err = silence.New(silence.Options{
		SnapshotReader: silences, Retention: a.options.Retention,
		Limits:  silence.Limits{MaxSilences: func() int { return a.options.MaxSilences }, MaxSilenceSizeBytes: func() int { return 64 << 10 }},
		Logger:  a.log,
		Metrics: a.options.Registerer, EventRecorder: a.recorder,
	})
	if err != nil {
		return fmt.Errorf("restore saved silences: %w; remove the saved state %q to start without", err, SilencesState)
	}
	a.notified, err = nflog.New(nflog.Options{
		SnapshotReader: notified, Retention: a.options.Retention, Logger: a.log, Metrics: a.options.Registerer,
	})
	if err != nil {
		return fmt.Errorf("restore saved notification log: %w; remove the saved state %q to start without", err, NotifiedState)
	}
	return a.loadLists()
}

// loadLists restores the list of alerts and what waits to be delivered.
func (a *Alertmanager) loadLists() (err error) {
	if a.ledger, err = ledger.New(ledger.Options{Load: a.options.Load, Save: a.options.Save}); err != nil {
		return err
	}
	o := a.options.Delivery
	o.Send, o.Outcome, o.Load, o.Save, o.Logger = a.deliver, a.delivered, a.options.Load, a.options.Save, a.log
	if a.queue, err = delivery.New(o); err != nil {
		return err
	}
	a.attempts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_alert_deliveries_total", Help: "Attempts to notify a receiver, by result: delivered, retrying, dead.",
	}, []string{"result"})
	if err := a.options.Registerer.Register(a.attempts); err != nil {
		return fmt.Errorf("start alerting: %w", err)
	}
	return nil
}

// load gives a nil interface when nothing was saved, as the parts want it.
func (a *Alertmanager) load(name string) (io.Reader, error) {
	data, err := a.options.Load(name)
	if err != nil {
		return nil, fmt.Errorf("load saved %s: %w", name, err)
	}
	if len(data) == 0 {
		return nil, nil
	}
	return bytes.NewReader(data), nil
}

// keeper saves the state soon after it changed and removes what is past its
// retention.
type keeper struct {
	silences *silence.Silences
	notified *nflog.Log
	ledger   *ledger.Ledger
	save     func(name string, data []byte) error
	interval time.Duration
	log      *slog.Logger

	mu    sync.Mutex // one save at a time, in order
	dirty chan struct{}
	quit  chan struct{}
	done  chan struct{}
}

func newKeeper(a *Alertmanager) *keeper {
	k := &keeper{
		silences: a.silences, notified: a.notified, ledger: a.ledger, save: a.options.Save, interval: a.options.SaveInterval, log: a.log,
		dirty: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	k.silences.SetBroadcast(func([]byte) { k.mark() })
	k.notified.SetBroadcast(func([]byte) { k.mark() })
	return k
}

// mark is called under the parts' locks: it may only leave a note.
func (k *keeper) mark() {
	select {
	case k.dirty <- struct{}{}:
	default:
	}
}

func (k *keeper) start() { go k.loop() }

// stop saves for the last time.
func (k *keeper) stop() error {
	close(k.quit)
	<-k.done
	return k.saveAll()
}

func (k *keeper) loop() {
	defer close(k.done)
	collect := time.NewTicker(15 * time.Minute)
	defer collect.Stop()
	expire := time.NewTicker(time.Second)
	defer expire.Stop()
	var due <-chan time.Time
	for {
		select {
		case <-k.quit:
			return
		case <-collect.C:
			k.collect()
		case <-expire.C:
			if k.ledger.Expire() > 0 {
				k.mark()
			}
		case <-k.dirty:
			if due == nil {
				due = time.After(k.interval)
			}
		case <-due:
			due = nil
			if err := k.saveAll(); err != nil {
				k.log.Error("the state of alerting was not saved; the next change tries again", "err", err)
			}
		}
	}
}

func (k *keeper) collect() {
	if _, err := k.silences.GC(); err != nil {
		k.log.Error("ended silences were not removed", "err", err)
	}
	if _, err := k.notified.GC(); err != nil {
		k.log.Error("old notifications were not removed", "err", err)
	}
}

func (k *keeper) saveAll() error {
	return errors.Join(k.ledger.Save(), k.saveSilences(), k.saveState(NotifiedState, k.notified.Snapshot))
}

func (k *keeper) saveSilences() error { return k.saveState(SilencesState, k.silences.Snapshot) }

func (k *keeper) saveState(name string, snapshot func(io.Writer) (int64, error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var data bytes.Buffer
	if _, err := snapshot(&data); err != nil {
		return fmt.Errorf("snapshot %s: %w", name, err)
	}
	if err := k.save(name, data.Bytes()); err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return nil
}

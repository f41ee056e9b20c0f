package gateway

import (
	"sync"
	"time"

	"gatehouse/internal/gateway/quota"
	"gatehouse/internal/policy"
)

// quotas implements policy.Quotas.
type quotas struct {
	*quota.Fixed
	*quota.Places
}

func (q quotas) Add(key string, n, limit int64, w policy.Window) policy.Count {
	return policy.Count(q.Fixed.Add(key, n, limit, quota.Window(w)))
}

// quotaState keeps the counts of quotas over a restart: it loads them, saves
// them every few seconds when they changed, and once more at the end. A crash
// loses what was counted since the last time.
type quotaState struct {
	options *Options
	counts  *quota.Fixed
	saved   uint64 // Changes when it was saved
	stop    chan struct{}
	stopped sync.WaitGroup
	once    sync.Once
}

const (
	quotaDocument = "gateway/quotas"
	quotaInterval = 3 * time.Second
)

// keepQuotas starts it; without Load and Save counts live in memory only.
func keepQuotas(o *Options, counts *quota.Fixed) *quotaState {
	s := &quotaState{options: o, counts: counts, stop: make(chan struct{})}
	if o.Load == nil || o.Save == nil {
		return s
	}
	data, err := o.Load(quotaDocument)
	if err == nil && data != nil {
		err = counts.Load(data)
	}
	if err != nil {
		o.Log.Error("the counts of quotas could not be read; they start anew", "error", err)
	}
	s.saved = counts.Changes()
	s.stopped.Go(s.run)
	return s
}

// run saves as long as the gateway lives. A large state is saved less often, so
// that saving never takes more than a twentieth of the time.
func (s *quotaState) run() {
	wait := quotaInterval
	for {
		select {
		case <-s.stop:
			s.save()
			return
		case <-time.After(wait):
			began := time.Now()
			s.save()
			wait = max(quotaInterval, 20*time.Since(began))
		}
	}
}

func (s *quotaState) save() {
	changes := s.counts.Changes()
	if changes == s.saved {
		return
	}
	if err := s.options.Save(quotaDocument, s.counts.Save()); err != nil {
		s.options.Log.Error("the counts of quotas could not be saved", "error", err)
		return
	}
	s.saved = changes
}

// close saves for the last time.
func (s *quotaState) close() {
	s.once.Do(func() { close(s.stop) })
	s.stopped.Wait()
}

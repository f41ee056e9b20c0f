package ledger

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func disk() (Options, *clock) {
	kept := map[string][]byte{}
	c := &clock{time.Unix(1_000_000, 0)}
	return Options{Now: c.Now, Load: func(n string) ([]byte, error) { return kept[n], nil },
		Save: func(n string, d []byte) error { kept[n] = d; return nil }}, c
}

func open(t *testing.T, o Options) *Ledger {
	t.Helper()
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func alert(name string, c *clock, ends time.Duration) Alert {
	return Alert{Fingerprint: name, Labels: map[string]string{"alertname": name}, StartsAt: c.now, EndsAt: c.now.Add(ends)}
}

func all(l *Ledger) []Record {
	out, _ := l.List(func(*Record) bool { return true }, 0, 1000)
	return out
}

func TestLifeOfAnAlert(t *testing.T) {
	o, c := disk()
	l := open(t, o)
	l.Observe(alert("a", c, time.Minute))
	id := all(l)[0].ID
	c.now = c.now.Add(30 * time.Second)
	l.Observe(alert("a", c, time.Minute))
	l.Outcome("a", Outcome{Receiver: "r", Integration: "webhook[0]", State: "firing", Result: "retrying", Attempts: 1, Error: "away"})
	l.Outcome("a", Outcome{Receiver: "r", Integration: "webhook[0]", State: "firing", Result: "delivered", Attempts: 2})
	if _, err := l.Acknowledge(id, "ada", "looking"); err != nil {
		t.Fatal(err)
	}
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	l = open(t, o) // a new process
	c.now = c.now.Add(10 * time.Second)
	l.Observe(Alert{Fingerprint: "a", StartsAt: c.now, EndsAt: c.now})
	r, err := l.Get(id)
	if err != nil || r.State != Resolved || !r.ResolvedAt.Equal(c.now) || r.AcknowledgedBy != "ada" || len(r.Events) != 3 || len(r.Receivers) != 1 || r.Receivers[0].Attempts != 2 {
		t.Fatalf("%+v %v", r, err)
	}
	if _, err := l.Acknowledge(id, "ada", ""); !errors.Is(err, ErrOver) {
		t.Error(err)
	}
	if _, err := l.Acknowledge("no", "ada", ""); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	l.Observe(alert("a", c, time.Minute)) // it comes again: another occurrence
	if records := all(l); len(records) != 2 || records[0].ID == id {
		t.Errorf("%+v", records)
	}
}

func TestNotSeenAgainIsOver(t *testing.T) {
	o, c := disk()
	l := open(t, o)
	l.Observe(alert("a", c, time.Minute))
	if n := l.Expire(); n != 0 {
		t.Fatal(n)
	}
	c.now = c.now.Add(time.Minute)
	if n := l.Expire(); n != 1 || all(l)[0].State != Resolved || len(l.Open()) != 0 {
		t.Errorf("%d %+v", n, all(l))
	}
}

func TestBound(t *testing.T) {
	o, c := disk()
	o.Max = 10
	l := open(t, o)
	l.Observe(alert("stays", c, 24*time.Hour))
	for n := range 50 {
		c.now = c.now.Add(time.Second)
		name := fmt.Sprint(n)
		l.Observe(alert(name, c, time.Hour))
		l.Observe(Alert{Fingerprint: name, StartsAt: c.now, EndsAt: c.now})
	}
	if n := len(all(l)); n != 10 {
		t.Errorf("%d records", n)
	}
	if open := l.Open(); len(open) != 1 || open[0].Fingerprint != "stays" {
		t.Errorf("what fires was forgotten before what is over: %+v", open)
	}
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	if n := len(all(open(t, o))); n != 10 {
		t.Errorf("%d records after a restart", n)
	}
}

func TestOverBeforeItWasKnown(t *testing.T) {
	o, c := disk()
	l := open(t, o)
	l.Observe(Alert{Fingerprint: "a", StartsAt: c.now.Add(-time.Minute), EndsAt: c.now})
	if n := len(all(l)); n != 0 {
		t.Errorf("%d records", n)
	}
}

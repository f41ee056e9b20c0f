package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// inbox is a receiver that can be away, and a disk.
type inbox struct {
	mu   sync.Mutex
	away bool
	no   bool // refuses for good
	got  []Message
	disk map[string][]byte
}

func (i *inbox) send(_ context.Context, m Message) (bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.no:
		return false, errors.New("refused")
	case i.away:
		return true, errors.New("away")
	}
	i.got = append(i.got, m)
	return false, nil
}

func (i *inbox) load(name string) ([]byte, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.disk[name], nil
}

func (i *inbox) save(name string, data []byte) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.disk == nil {
		i.disk = map[string][]byte{}
	}
	i.disk[name] = slices.Clone(data)
	return nil
}

func (i *inbox) set(away, no bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.away, i.no = away, no
}

func (i *inbox) received() []Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.got)
}

func (i *inbox) queue(t *testing.T, change func(*Options)) *Queue {
	t.Helper()
	o := Options{Send: i.send, Load: i.load, Save: i.save, MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond}
	if change != nil {
		change(&o)
	}
	q, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func stopped(t *testing.T, q *Queue) {
	t.Helper()
	if err := q.Stop(); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, q *Queue, key, state string, alerts ...string) {
	t.Helper()
	m := Message{Receiver: "r", Integration: "webhook[0]", Key: key, State: state}
	for _, a := range alerts {
		m.Alerts = append(m.Alerts, Alert{Fingerprint: a})
	}
	if err := q.Put(m); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
		<-time.After(time.Millisecond)
	}
}

func states(list []Message) (out []string) {
	for _, m := range list {
		out = append(out, m.Key+" "+m.State)
	}
	return out
}

func TestAnHourAwayIsOnePageAndOneEnd(t *testing.T) {
	i := &inbox{away: true}
	q := i.queue(t, nil)
	q.Start()
	for range 40 {
		put(t, q, "a", Firing, "1")
		put(t, q, "a", Resolved, "1")
	}
	put(t, q, "b", Firing, "2")
	eventually(t, "an attempt while it is away", func() bool {
		return slices.ContainsFunc(q.View().Waiting, func(m Message) bool { return m.Attempts > 2 })
	})
	i.set(false, false)
	eventually(t, "all delivered", func() bool { return len(q.View().Waiting) == 0 })
	stopped(t, q)
	got := states(i.received())
	slices.Sort(got)
	// What was being sent while more came is not replaced: a second pair at most.
	got = slices.Compact(got)
	if want := []string{"a firing", "a resolved", "b firing"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n := len(i.received()); n > 5 {
		t.Errorf("%d notifications for two incidents", n)
	}
}

func TestCoalescing(t *testing.T) {
	for _, c := range []struct {
		name string
		put  []string
		want []string
	}{
		{"repeats are one", []string{Firing, Firing, Firing}, []string{Firing}},
		{"fired and over are both told", []string{Firing, Resolved}, []string{Firing, Resolved}},
		{"fires again before its end was told", []string{Firing, Resolved, Firing}, []string{Firing}},
		{"and is over at last", []string{Firing, Resolved, Firing, Resolved}, []string{Firing, Resolved}},
		{"the end of what was told, then again", []string{Resolved, Firing}, []string{Firing}},
		{"an acknowledgement stands between", []string{Firing, Acknowledged, Resolved}, []string{Firing, Acknowledged, Resolved}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := (&inbox{}).queue(t, nil) // not started: all wait
			for n, state := range c.put {
				put(t, q, "k", state, fmt.Sprint(n))
			}
			var got []string
			alerts := map[string]bool{}
			for _, m := range q.View().Waiting {
				got = append(got, m.State)
				for _, a := range m.Alerts {
					alerts[a.Fingerprint] = true
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestWaitingMessagesSurvive(t *testing.T) {
	i := &inbox{}
	first := i.queue(t, nil) // never started and never stopped: as if it was killed
	put(t, first, "a", Firing, "1")
	second := i.queue(t, nil)
	second.Start()
	eventually(t, "delivered by the next process", func() bool { return len(i.received()) == 1 })
	stopped(t, second)
	third := i.queue(t, nil)
	if n := len(third.View().Waiting); n != 0 {
		t.Errorf("%d wait again", n)
	}
}

func TestDeadLetters(t *testing.T) {
	i := &inbox{no: true}
	q := i.queue(t, func(o *Options) { o.MaxDead = 2 })
	q.Start()
	for _, key := range []string{"a", "b", "c"} {
		put(t, q, key, Firing, key)
		eventually(t, "refused", func() bool { return len(q.View().Waiting) == 0 })
	}
	v := q.View()
	if len(v.Dead) != 2 || v.Forgotten != 1 || v.Dead[0].Key != "c" || v.Dead[0].Error != "refused" || v.Dead[0].Attempts != 1 {
		t.Fatalf("%+v", v)
	}
	i.set(false, false)
	if n, err := q.Resend(v.Dead[0].ID); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	eventually(t, "sent again", func() bool { return len(i.received()) == 1 })
	if n, err := q.Forget(""); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	stopped(t, q)
	if v := i.queue(t, nil).View(); len(v.Dead) != 0 || len(v.Waiting) != 0 || v.Forgotten != 1 {
		t.Errorf("after a restart: %+v", v)
	}
}

func TestFullQueueBuriesTheOldest(t *testing.T) {
	q := (&inbox{}).queue(t, func(o *Options) { o.MaxWaiting = 3 })
	for n := range 5 {
		put(t, q, fmt.Sprint(n), Firing, "x")
	}
	v := q.View()
	if got := states(v.Waiting); !slices.Equal(got, []string{"2 firing", "3 firing", "4 firing"}) || len(v.Dead) != 2 {
		t.Errorf("%v, %d dead", got, len(v.Dead))
	}
}

func TestOneMessageDoesNotHoldTheOthers(t *testing.T) {
	i := &inbox{}
	poison := func(ctx context.Context, m Message) (bool, error) {
		if m.Key == "poison" {
			return true, errors.New("500")
		}
		return i.send(ctx, m)
	}
	q := i.queue(t, func(o *Options) { o.Send = poison })
	put(t, q, "poison", Firing, "0")
	for n := range 20 {
		put(t, q, fmt.Sprint(n), Firing, "x")
	}
	q.Start()
	eventually(t, "the others", func() bool { return len(i.received()) == 20 })
	stopped(t, q)
}

func TestGivesUpInTheEnd(t *testing.T) {
	i := &inbox{away: true}
	q := i.queue(t, func(o *Options) { o.GiveUpAfter = 20 * time.Millisecond })
	q.Start()
	put(t, q, "a", Firing, "1")
	eventually(t, "a dead letter", func() bool { v := q.View(); return len(v.Dead) == 1 && v.Dead[0].Error == "away" })
	stopped(t, q)
}

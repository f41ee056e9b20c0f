package redis

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func open(t *testing.T, o Options) *Redis {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestRedis(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("secret")
	o := DefaultOptions("redis://" + server.Addr() + "/0")
	o.Password, o.MaxBytes = "secret", 100
	r := open(t, o)
	ctx := context.Background()
	want := func(key, value string) {
		t.Helper()
		if data, ok := r.Get(ctx, key); string(data) != value || ok != (value != "") {
			t.Fatalf("%q: %q %v", key, data, ok)
		}
	}
	want("a", "")
	r.Set(ctx, "a\x00b", []byte{1, 0, 2}, time.Minute)
	want("a\x00b", "\x01\x00\x02")
	if keys := server.Keys(); len(keys) != 1 || !strings.HasPrefix(keys[0], prefix) {
		t.Fatal(keys)
	}
	server.FastForward(time.Minute)
	want("a\x00b", "")
	r.Set(ctx, "c", []byte("1"), time.Minute)
	r.Delete(ctx, "c")
	want("c", "")
	r.Set(ctx, "none", []byte("1"), 0)
	want("none", "")
	r.Set(ctx, "large", make([]byte, 101), time.Minute)
	want("large", "")
	_ = server.Set(prefix+"foreign", strings.Repeat("x", 200))
	if data, ok := r.Get(ctx, "foreign"); ok {
		t.Fatalf("%d bytes of a value that is too large", len(data))
	}
}

// A server that does not answer costs one time limit, then nothing for a while.
func TestAServerThatHangsIsLeftAlone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var failures atomic.Int64
	o := DefaultOptions("redis://" + l.Addr().String())
	o.Timeout, o.Failed = 50*time.Millisecond, func(error) { failures.Add(1) }
	r := open(t, o)
	began := time.Now()
	for range 100 {
		if _, ok := r.Get(context.Background(), "a"); ok {
			t.Fatal("a hit of nothing")
		}
		r.Set(context.Background(), "a", []byte("1"), time.Minute)
	}
	if took := time.Since(began); took > 30*time.Second || failures.Load() < 1 || failures.Load() > 20 { // without a pause there would be 200
		t.Fatalf("%v, %d failures", took, failures.Load())
	}
}

func TestBadURLs(t *testing.T) {
	for _, bad := range []string{"", "localhost:6379", "http://localhost", "redis://:hunter2@localhost", "redis://localhost/x", "redis://%zz:hunter2@localhost"} {
		if _, err := New(DefaultOptions(bad)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

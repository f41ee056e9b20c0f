// Package redis keeps cached bytes in a Redis server, for several gateways to
// share.
//
// What comes in: a key, bytes and a time to live. What goes out: the same bytes
// while they live. A server that is slow or gone is a miss: it must never make
// a request fail or wait for long, and its password never stands in an error.
package redis

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	client "github.com/redis/go-redis/v9"
)

// Options say where the server is.
type Options struct {
	URL      string // redis://[user@]host:port[/database]; rediss: over TLS
	Password string
	Timeout  time.Duration // of one command
	MaxBytes int64         // of one value; larger ones are not kept
	// Failed is told that the server does not answer, once for each pause.
	Failed func(err error)
}

// DefaultOptions are the options for a server.
func DefaultOptions(url string) Options {
	return Options{URL: url, Timeout: 500 * time.Millisecond, MaxBytes: 8 << 20, Failed: func(error) {}}
}

// pause is how long a server that failed is left alone.
const pause = time.Second

// prefix keeps the keys apart from those of other users of the server.
const prefix = "gatehouse/"

// Redis is a connection to a server. Safe for concurrent use.
type Redis struct {
	client *client.Client
	o      Options
	until  atomic.Int64 // Unix nanoseconds: no command before
}

// New reads the options; it connects with the first command.
func New(o Options) (*Redis, error) {
	parsed, err := url.Parse(o.URL)
	if err != nil {
		return nil, errors.New("the URL of the Redis server is not valid; write redis://host:6379/0")
	}
	if _, given := parsed.User.Password(); given {
		return nil, errors.New("the URL of the Redis server holds a password; name a file or an environment variable for it instead")
	}
	settings, err := client.ParseURL(o.URL)
	if err != nil {
		return nil, fmt.Errorf("the URL of the Redis server: %w", err)
	}
	settings.Password = o.Password
	settings.DialTimeout, settings.ReadTimeout, settings.WriteTimeout, settings.PoolTimeout = o.Timeout, o.Timeout, o.Timeout, o.Timeout
	settings.MaxRetries, settings.DialerRetries = -1, 1
	settings.ContextTimeoutEnabled = true
	return &Redis{client: client.NewClient(settings), o: o}, nil
}

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }

// Get gives the bytes of a key, false when there are none or the server fails.
func (r *Redis) Get(ctx context.Context, key string) ([]byte, bool) {
	if r.paused() {
		return nil, false
	}
	// One byte more than may be tells a value that is too large. A key that is
	// not there gives no bytes, which no value has.
	data, err := r.client.GetRange(ctx, prefix+key, 0, r.o.MaxBytes).Bytes()
	r.note(ctx, err)
	return data, err == nil && len(data) > 0 && int64(len(data)) <= r.o.MaxBytes
}

// Set keeps bytes for a time.
func (r *Redis) Set(ctx context.Context, key string, data []byte, ttl time.Duration) {
	if r.paused() || int64(len(data)) > r.o.MaxBytes || ttl <= 0 {
		return
	}
	r.note(ctx, r.client.Set(ctx, prefix+key, data, ttl).Err())
}

// Delete empties a key.
func (r *Redis) Delete(ctx context.Context, key string) {
	if !r.paused() {
		r.note(ctx, r.client.Del(ctx, prefix+key).Err())
	}
}

func (r *Redis) paused() bool { return time.Now().UnixNano() < r.until.Load() }

// note begins a pause after a failure of the server; a client that left is none.
func (r *Redis) note(ctx context.Context, err error) {
	if err == nil || errors.Is(err, client.Nil) || ctx.Err() != nil {
		return
	}
	before, now := r.until.Load(), time.Now().UnixNano()
	if now >= before && r.until.CompareAndSwap(before, now+int64(pause)) {
		r.o.Failed(err)
	}
}

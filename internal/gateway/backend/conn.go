package backend

import (
	"bufio"
	"net"
	"sync"
	"time"
)

// conn is one connection of the lockstep client. One goroutine uses it at a
// time; abort may come from any.
type conn struct {
	net.Conn
	reader    *bufio.Reader
	check     idleCheck
	host      string // key of the pool
	idleSince time.Time
	reused    bool
	abort     func() // closes the connection; made once
}

func newConn(c net.Conn, host string) (*conn, error) {
	n := &conn{Conn: c, reader: bufio.NewReaderSize(c, 4096), host: host}
	n.abort = func() { c.Close() }
	if err := n.check.init(c); err != nil {
		c.Close()
		return nil, err
	}
	return n, nil
}

// idleConns keeps unused connections, the last used first. A timer that runs
// only while there are some closes the old ones.
type idleConns struct {
	mu       sync.Mutex
	hosts    map[string][]*conn
	count    int
	closed   bool
	timer    *time.Timer
	perHost  int
	total    int
	lifetime time.Duration
	now      func() time.Time
}

func (p *idleConns) init(o Options) {
	p.hosts = map[string][]*conn{}
	p.perHost, p.total, p.lifetime, p.now = o.MaxIdle, o.MaxIdleTotal, o.IdleTimeout, o.Now
}

// get takes the connection of a host that was used last, nil without one.
func (p *idleConns) get(host string) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.hosts[host]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	list[len(list)-1] = nil
	p.hosts[host] = list[:len(list)-1]
	p.count--
	return c
}

// put keeps a connection for the next request, or closes it.
func (p *idleConns) put(c *conn) {
	now := p.now()
	p.mu.Lock()
	list := p.hosts[c.host]
	if p.closed || len(list) >= p.perHost || p.count >= p.total {
		p.mu.Unlock()
		c.Close()
		return
	}
	c.idleSince, c.reused = now, true
	p.hosts[c.host] = append(list, c)
	p.count++
	if p.timer == nil {
		p.timer = time.AfterFunc(p.lifetime, p.sweep)
	}
	p.mu.Unlock()
}

// sweep closes what was idle too long and forgets hosts without connections.
func (p *idleConns) sweep() {
	now := p.now()
	p.mu.Lock()
	var old []*conn
	for host, list := range p.hosts {
		keep := 0
		for keep < len(list) && now.Sub(list[keep].idleSince) >= p.lifetime {
			keep++
		}
		old = append(old, list[:keep]...)
		if keep == len(list) {
			delete(p.hosts, host)
		} else {
			p.hosts[host] = append([]*conn(nil), list[keep:]...)
		}
	}
	p.count -= len(old)
	p.timer = nil
	if p.count > 0 {
		p.timer = time.AfterFunc(p.lifetime/2+time.Millisecond, p.sweep)
	}
	p.mu.Unlock()
	for _, c := range old {
		c.Close()
	}
}

// close closes all, and from now on all that are put.
func (p *idleConns) close() {
	p.mu.Lock()
	hosts := p.hosts
	p.hosts, p.count, p.closed = map[string][]*conn{}, 0, true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	for _, list := range hosts {
		for _, c := range list {
			c.Close()
		}
	}
}

// Package tdstest is a server of the TDS protocol for tests, as an unmodified
// driver speaks it.
//
// What comes in: logins, batches and calls of sp_executesql. What goes out: the
// result sets that a function gives for each. It must never be linked into the
// program: only tests import it.
package tdstest

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"unicode/utf16"
)

// Request is one statement.
type Request struct {
	User, Database, Token string
	Statement             string
	Declared              string         // "@id bigint"
	Values                map[string]any // nil, int64, float64, bool, string or []byte by name
}

// Result is a result set, or the end of a statement by an error. Nil results
// mean that the statement runs until it is cancelled.
type Result struct {
	Columns []Column
	Rows    [][][]byte // cells as Column encodes them
	Error   int32
}

// Server answers until Close.
type Server struct {
	Addr   string
	Answer func(Request) []Result
	// TLS encrypts connections; nil: the server does not encrypt.
	TLS *tls.Config
	// User and Token that may log in; "": any.
	User, Token string

	listener net.Listener
	mu       sync.Mutex
	open     map[net.Conn]bool
	running  sync.WaitGroup
	logins   int
}

// Start listens on a free port of the loopback interface.
func (s *Server) Start() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.listener, s.Addr, s.open = l, l.Addr().String(), map[net.Conn]bool{}
	s.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open[c] = true
			s.mu.Unlock()
			s.running.Go(func() {
				defer s.drop(c)
				_ = s.serve(c) // the client sees it
			})
		}
	})
	return nil
}

func (s *Server) drop(c net.Conn) {
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	_ = c.Close()
}

// Logins counts connections that logged in.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Close closes all connections and waits for them.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Types of packets.
const (
	packBatch     = 1
	packRPC       = 3
	packReply     = 4
	packAttention = 6
	packLogin     = 16
	packPrelogin  = 18
)

type conn struct {
	in  *bufio.Reader
	out io.Writer
	*Server
	login Request
}

func (s *Server) serve(raw net.Conn) error {
	c := &conn{in: bufio.NewReader(raw), out: raw, Server: s}
	kind, body, err := c.read()
	if err != nil || kind != packPrelogin {
		return errors.Join(err, errors.New("no prelogin"))
	}
	if err := c.prelogin(body, raw); err != nil {
		return err
	}
	for {
		kind, body, err := c.read()
		if err != nil {
			return err
		}
		var reply []byte
		switch kind {
		case packLogin:
			reply = c.logIn(body)
		case packAttention:
			reply = done(0x20, 0)
		case packBatch:
			r := c.login
			r.Statement = text(body[binary.LittleEndian.Uint32(body):])
			reply = results(s.Answer(r))
		case packRPC:
			r := c.login
			if err := r.call(body[binary.LittleEndian.Uint32(body):]); err != nil {
				return err
			}
			reply = results(s.Answer(r))
		}
		if reply == nil {
			continue // until it is cancelled
		}
		if err := c.write(packReply, reply); err != nil {
			return err
		}
	}
}

// read gives one message: packets up to the one that ends it.
func (c *conn) read() (kind byte, body []byte, err error) {
	var head [8]byte
	for {
		if _, err = io.ReadFull(c.in, head[:]); err != nil {
			return 0, nil, err
		}
		part := make([]byte, int(binary.BigEndian.Uint16(head[2:]))-8)
		if _, err = io.ReadFull(c.in, part); err != nil {
			return 0, nil, err
		}
		if body = append(body, part...); head[1]&1 != 0 {
			return head[0], body, nil
		}
	}
}

func (c *conn) write(kind byte, body []byte) error {
	const most = 4096 - 8
	for seq := byte(1); ; seq++ {
		n, status := len(body), byte(1)
		if n > most {
			n, status = most, 0
		}
		packet := append([]byte{kind, status, 0, 0, 0, 0, seq, 0}, body[:n]...)
		binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
		if _, err := c.out.Write(packet); err != nil {
			return err
		}
		if body = body[n:]; status == 1 {
			return nil
		}
	}
}

// prelogin answers what both sides can do, and encrypts.
func (c *conn) prelogin(body []byte, raw net.Conn) error {
	const version, encryption, federated, end = 0, 1, 6, 0xff
	wants := option(body, encryption)
	answer := byte(2) // not supported
	if c.TLS != nil && wants != 2 {
		answer = 1
	}
	reply := []byte{version, 0, 16, 0, 6, encryption, 0, 22, 0, 1, federated, 0, 23, 0, 1, end, 16, 0, 0, 0, 0, 0, answer, 1}
	if err := c.write(packReply, reply); err != nil || answer == 2 {
		return err
	}
	wrapped := &handshake{in: c.in, Conn: raw}
	t := tls.Server(wrapped, c.TLS)
	if err := t.Handshake(); err != nil {
		return err
	}
	wrapped.done = true
	c.in, c.out = bufio.NewReader(t), t
	return nil
}

// option gives the first byte of an option of prelogin.
func option(body []byte, kind byte) byte {
	for i := 0; i+5 <= len(body) && body[i] != 0xff; i += 5 {
		if body[i] == kind {
			return body[binary.BigEndian.Uint16(body[i+1:])]
		}
	}
	return 0
}

// handshake carries the records of a TLS handshake in packets of prelogin, and
// what follows as it is. The version of TLS must be 1.2: later ones send
// records behind the handshake.
type handshake struct {
	net.Conn
	in   *bufio.Reader
	left []byte
	done bool
}

func (h *handshake) Read(p []byte) (int, error) {
	if h.done {
		return h.in.Read(p)
	}
	if len(h.left) == 0 {
		_, body, err := (&conn{in: h.in}).read()
		if err != nil {
			return 0, err
		}
		h.left = body
	}
	n := copy(p, h.left)
	h.left = h.left[n:]
	return n, nil
}

func (h *handshake) Write(p []byte) (int, error) {
	if h.done {
		return h.Conn.Write(p)
	}
	return len(p), (&conn{out: h.Conn}).write(packPrelogin, p)
}

// logIn reads user, database and token.
func (c *conn) logIn(body []byte) []byte {
	field := func(at int) string {
		start, n := int(binary.LittleEndian.Uint16(body[at:])), int(binary.LittleEndian.Uint16(body[at+2:]))
		return text(body[start : start+2*n])
	}
	c.login = Request{User: field(40), Database: field(68)}
	if body[27]&0x10 != 0 { // extensions follow
		pointer := binary.LittleEndian.Uint16(body[56:])
		for i := int(binary.LittleEndian.Uint32(body[pointer:])); body[i] != 0xff; {
			n := int(binary.LittleEndian.Uint32(body[i+1:]))
			if data := body[i+5 : i+5+n]; body[i] == 2 {
				c.login.Token = text(data[5 : 5+binary.LittleEndian.Uint32(data[1:])])
			}
			i += 5 + n
		}
	}
	if c.User != "" && c.login.User != c.User || c.Token != "" && c.login.Token != c.Token {
		return append(failure(18456), done(2, 0)...)
	}
	c.mu.Lock()
	c.logins++
	c.mu.Unlock()
	ack := append([]byte{1, 0x74, 0, 0, 4}, short("test")...)
	ack = append(ack, 16, 0, 0, 0)
	return append(token(0xad, ack), done(0, 0)...)
}

func text(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

func ucs2(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

func short(s string) []byte { return append([]byte{byte(len(utf16.Encode([]rune(s))))}, ucs2(s)...) }

func token(kind byte, body []byte) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{kind}, uint16(len(body))), body...)
}

//go:build unix

package backend

import (
	"net"
	"syscall"
)

// canCheckIdle tells whether an idle connection can be looked at without
// blocking. Without that the lockstep client is not used: unasked bytes on an
// idle connection would be taken for the next response.
const canCheckIdle = true

// idleCheck peeks at a connection that should be silent.
type idleCheck struct {
	raw   syscall.RawConn
	peek  func(fd uintptr) bool
	quiet bool
	byte  [1]byte
}

func (k *idleCheck) init(c net.Conn) error {
	s, ok := c.(syscall.Conn)
	if !ok {
		return net.ErrClosed
	}
	raw, err := s.SyscallConn()
	k.raw = raw
	k.peek = func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), k.byte[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		k.quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	}
	return err
}

// isQuiet is false when the peer closed the connection or sent anything.
func (k *idleCheck) isQuiet() bool {
	k.quiet = false
	return k.raw.Read(k.peek) == nil && k.quiet
}

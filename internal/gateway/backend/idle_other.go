//go:build !unix

package backend

import "net"

// canCheckIdle is false: idle connections cannot be looked at here, so all
// requests take net/http's Transport.
const canCheckIdle = false

type idleCheck struct{}

func (k *idleCheck) init(net.Conn) error { return nil }

func (k *idleCheck) isQuiet() bool { return false }

//go:build !linux

package e2e

import "errors"

func mount(string, int) error { return errors.New("only on Linux") }

func unmount(string) error { return nil }

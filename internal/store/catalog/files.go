package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// FolderLock holds the data folder for this process.
type FolderLock struct{ f *os.File }

// Lock takes the data folder. It fails when another process has it.
func Lock(dir string) (*FolderLock, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 32)
		n, _ := f.Read(holder)
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the data folder %s is used by another gatehouse (process %s); stop it or choose another folder with --data", dir, strings.TrimSpace(string(holder[:n])))
		}
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	// The number is for the message above only: a full disk must not stop the start here.
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(fmt.Sprintln(os.Getpid())), 0)
	return &FolderLock{f}, nil
}

// Close gives the folder back.
func (l *FolderLock) Close() error { return l.f.Close() }

// AdminToken reads the token of the HTTPS monitor door, or makes one: 256
// random bits in a file that only its owner can read.
func AdminToken(dir string) (token, path string, err error) {
	path = filepath.Join(dir, "admin-token")
	data, err := os.ReadFile(path)
	if err == nil {
		if token = strings.TrimSpace(string(data)); len(token) >= 32 {
			return token, path, nil
		}
		return "", path, fmt.Errorf("%s holds no token of at least 32 characters; remove it to have a new one made", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", path, fmt.Errorf("read the admin token: %w", err)
	}
	first, err := newKey()
	if err != nil {
		return "", path, err
	}
	second, err := newKey()
	if err != nil {
		return "", path, err
	}
	token = first + second
	if err := writeSecret(path, []byte(token+"\n")); err != nil {
		return "", path, fmt.Errorf("write the admin token: %w", err)
	}
	return token, path, nil
}

// KeyPair is the two keys of a subscription.
type KeyPair struct {
	Primary   string `json:"primary"`
	Secondary string `json:"secondary"`
}

// WriteSubscriptionKeys writes the generated keys by subscription id for the
// operator and returns the file's path.
func (c *Catalog) WriteSubscriptionKeys(keys map[string]KeyPair) (string, error) {
	path := filepath.Join(c.dir, "subscription-keys.json")
	data, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		return path, fmt.Errorf("write subscription keys: %w", err)
	}
	if err := writeSecret(path, append(data, '\n')); err != nil {
		return path, fmt.Errorf("write subscription keys: %w", err)
	}
	return path, nil
}

// writeSecret replaces a file as a whole; it is never readable for others.
func writeSecret(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

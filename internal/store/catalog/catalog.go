// Package catalog keeps what the process must remember beside signals: state
// of other rooms as named documents, generated secrets, and the lock of the
// data folder.
//
// What comes in: names and bytes. What goes out: the same bytes after a
// restart. It must never interpret a document of another room, or write a
// secret into a file that others can read.
package catalog

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	_ "modernc.org/sqlite" // the driver
)

// Catalog is one catalog.db. Safe for concurrent use.
type Catalog struct {
	dir string
	db  *sql.DB
}

const schema = `
CREATE TABLE IF NOT EXISTS documents (name TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS subscription_keys (id TEXT PRIMARY KEY, primary_key TEXT NOT NULL, secondary_key TEXT NOT NULL);`

// Open opens or makes dir/catalog.db, readable by its owner alone.
func Open(dir string) (*Catalog, error) {
	path := filepath.Join(dir, "catalog.db")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open catalog: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, fmt.Errorf("open catalog %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	if err := check(db); err != nil {
		return nil, errors.Join(fmt.Errorf("open catalog %s: %w; %s", path, err, remedy(dir)), db.Close())
	}
	return &Catalog{dir: dir, db: db}, nil
}

// check makes the tables and looks for damage, so that it is found at the start.
func check(db *sql.DB) error {
	if _, err := db.Exec(schema); err != nil {
		return err
	}
	var state string
	if err := db.QueryRow(`PRAGMA quick_check(1)`).Scan(&state); err != nil {
		return err
	}
	if state != "ok" {
		return errors.New(state)
	}
	return nil
}

// remedy says what to do about a catalog that does not open. The driver reports
// a full disk in several ways, "disk I/O error" among them, so it is asked here.
func remedy(dir string) string {
	if err := probe(dir); errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return "the disk of the data folder is full: free some space and start again"
	}
	return "when the file is damaged, move it away: silences and generated keys are made anew"
}

// probe writes and removes a small file.
func probe(dir string) error {
	f, err := os.CreateTemp(dir, "probe-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 64<<10)) // more than the driver wants at its start
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// Close closes the file.
func (c *Catalog) Close() error { return c.db.Close() }

// Load gives a document, nil when it was never saved.
func (c *Catalog) Load(name string) ([]byte, error) {
	var data []byte
	err := c.db.QueryRow(`SELECT data FROM documents WHERE name = ?`, name).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load %s from the catalog: %w", name, err)
	}
	return data, nil
}

// Save replaces a document; when it returns nil the document survives a crash.
func (c *Catalog) Save(name string, data []byte) error {
	if data == nil {
		data = []byte{} // an empty document is not an absent one
	}
	_, err := c.db.Exec(`INSERT INTO documents (name, data) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET data = excluded.data`, name, data)
	if err != nil {
		return fmt.Errorf("save %s to the catalog: %w", name, err)
	}
	return nil
}

// Remove deletes a document; one that is not there is no error.
func (c *Catalog) Remove(name string) error {
	if _, err := c.db.Exec(`DELETE FROM documents WHERE name = ?`, name); err != nil {
		return fmt.Errorf("remove %s from the catalog: %w", name, err)
	}
	return nil
}

// Documents gives all documents whose names begin with prefix.
func (c *Catalog) Documents(prefix string) (map[string][]byte, error) {
	rows, err := c.db.Query(`SELECT name, data FROM documents WHERE substr(name, 1, length(?)) = ?`, prefix, prefix)
	if err != nil {
		return nil, fmt.Errorf("list %s in the catalog: %w", prefix, err)
	}
	defer rows.Close()
	out := map[string][]byte{}
	for rows.Next() {
		var name string
		var data []byte
		if err := rows.Scan(&name, &data); err != nil {
			return nil, fmt.Errorf("list %s in the catalog: %w", prefix, err)
		}
		out[name] = data
	}
	return out, rows.Err()
}

// SubscriptionKeys gives the two keys of a subscription, made on first sight.
func (c *Catalog) SubscriptionKeys(id string) (primary, secondary string, err error) {
	if primary, err = newKey(); err != nil {
		return "", "", err
	}
	if secondary, err = newKey(); err != nil {
		return "", "", err
	}
	if _, err := c.db.Exec(`INSERT INTO subscription_keys VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`, id, primary, secondary); err != nil {
		return "", "", fmt.Errorf("keep the keys in the catalog: %w", err)
	}
	err = c.db.QueryRow(`SELECT primary_key, secondary_key FROM subscription_keys WHERE id = ?`, id).Scan(&primary, &secondary)
	if err != nil {
		return "", "", fmt.Errorf("read the keys from the catalog: %w", err)
	}
	return primary, secondary, nil
}

// newKey makes 128 random bits in hex, the form of Azure's keys.
func newKey() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

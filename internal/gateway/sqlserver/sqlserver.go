// Package sqlserver runs statements on databases of SQL Server and Azure SQL,
// for the data sources of GraphQL resolvers.
//
// What comes in: a connection string as ADO.NET writes it, a T-SQL statement and
// its parameters. What goes out: the rows of the last result set as JSON
// objects. It must never put a part of a statement together from values, give a
// connection string in an error, or open a connection that no query asked for.
package sqlserver

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"
)

// Connection says where a database is and who asks.
type Connection struct {
	String string // Server=...;Database=...; secret
	// Token gives the access token of a managed identity, in place of user and
	// password; nil: there is none. Identity tells identities apart.
	Token    func(ctx context.Context) (string, error)
	Identity string
	// Certificate is shown to the server; CertificateKey tells certificates apart.
	Certificate    *tls.Certificate
	CertificateKey string
}

type key struct{ text, identity, certificate string }

// Bounds of what is kept open.
const (
	maxDatabases   = 64
	maxConnections = 32 // to one database
	idleTime       = 2 * time.Minute
)

// ErrConnectionString is a connection string that cannot be used.
var ErrConnectionString = errors.New("the connection string is not valid: expected Server=tcp:name.database.windows.net,1433;Database=name;User ID=...;Password=...;")

// ErrBusy means that as many databases as can be open are in use.
var ErrBusy = fmt.Errorf("queries run on %d databases already, which is the most at one time", maxDatabases)

// Databases keeps the connections. Make it with New; safe for concurrent use.
type Databases struct {
	mu     sync.Mutex
	open   map[key]*Database
	closed bool
}

// New makes an empty Databases; nothing is opened before a query.
func New() *Databases { return &Databases{open: map[key]*Database{}} }

// Database is one that a query runs on. Release must follow.
type Database struct {
	Host, Name string

	all   *Databases
	pool  *sql.DB
	users int
	last  time.Time
}

// Open finds or makes the connections to a database. It connects to nothing yet.
func (d *Databases) Open(c Connection) (*Database, error) {
	k := key{c.String, c.Identity, c.CertificateKey}
	d.mu.Lock()
	defer d.mu.Unlock()
	if one := d.open[k]; one != nil {
		one.users++
		return one, nil
	}
	config, err := parse(c.String)
	if err != nil {
		return nil, err
	}
	if d.closed || !d.makeRoom() {
		return nil, ErrBusy
	}
	if c.Certificate != nil && config.TLSConfig != nil {
		config.TLSConfig.Certificates = []tls.Certificate{*c.Certificate}
	}
	connector := mssql.NewConnectorConfig(config)
	if c.Token != nil {
		if connector, err = mssql.NewSecurityTokenConnector(config, c.Token); err != nil {
			return nil, ErrConnectionString
		}
	}
	one := &Database{Host: config.Host, Name: config.Database, all: d, pool: sql.OpenDB(connector), users: 1}
	one.pool.SetMaxOpenConns(maxConnections)
	one.pool.SetMaxIdleConns(maxConnections / 4)
	one.pool.SetConnMaxIdleTime(idleTime)
	d.open[k] = one
	return one, nil
}

// parse reads a connection string. Where it says nothing of encryption the
// connection is encrypted and the server's certificate checked, as ADO.NET does.
func parse(text string) (msdsn.Config, error) {
	var b strings.Builder
	for line := range strings.Lines(text) { // it may be broken into lines
		b.WriteString(strings.TrimSpace(line))
	}
	text = strings.TrimRight(b.String(), ";")
	config, err := msdsn.Parse(text)
	if err == nil && config.Parameters[msdsn.Encrypt] == "" {
		config, err = msdsn.Parse(text + ";encrypt=true")
	}
	if err != nil || config.Parameters[msdsn.Server] == "" {
		return config, ErrConnectionString // the driver's text may quote a password
	}
	config.LogFlags = 0
	return config, nil
}

// makeRoom closes the database that was not used for longest when there are too
// many. d.mu is held.
func (d *Databases) makeRoom() bool {
	if len(d.open) < maxDatabases {
		return true
	}
	var oldest key
	for k, one := range d.open {
		if one.users == 0 && (d.open[oldest] == nil || one.last.Before(d.open[oldest].last)) {
			oldest = k
		}
	}
	one := d.open[oldest]
	if one == nil {
		return false
	}
	delete(d.open, oldest)
	_ = one.pool.Close() // nobody uses it: it closes idle connections and does not wait
	return true
}

// Release ends the use of a database.
func (d *Database) Release() {
	d.all.mu.Lock()
	defer d.all.mu.Unlock()
	d.users--
	d.last = time.Now()
}

// Close closes all connections. Queries that run end first.
func (d *Databases) Close() {
	d.mu.Lock()
	d.closed = true
	open := d.open
	d.open = map[key]*Database{}
	d.mu.Unlock()
	for _, one := range open {
		_ = one.pool.Close()
	}
}

// Number is the error number when the server refused a login or a statement.
func Number(err error) (int32, bool) {
	var refused mssql.Error
	if errors.As(err, &refused) {
		return refused.Number, true
	}
	return 0, false
}

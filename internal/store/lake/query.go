package lake

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/duckdb/duckdb-go/v2"
)

// Source is what a statement reads of one table. It bounds the rows: files
// outside it are never opened.
type Source struct {
	Table string    // Spans or Logs
	Start time.Time // inclusive; zero: no bound
	End   time.Time // exclusive; zero: no bound
	// TraceID, when not empty, leaves out files that cannot hold the trace. The
	// statement still has to compare trace_id.
	TraceID string
}

// Statement is one SELECT. SQL names each source as {name}, and values as $1,
// $2 and so on, which Args are bound to; text from a user is only ever an
// argument.
type Statement struct {
	SQL     string
	Args    []any
	Sources map[string]Source
}

// Rows is the result of a statement. It must be closed: it holds files and one
// of the few places for queries.
type Rows struct {
	*sql.Rows
	release func()
	stopped func() error // why the query was told to stop, nil: it was not
}

// Close ends the query and lets its files go.
func (r *Rows) Close() error {
	err := r.Rows.Close()
	if r.release != nil {
		r.release()
		r.release = nil
	}
	return err
}

// Err is the error that ended the iteration, in this package's words.
func (r *Rows) Err() error { return queryError(r.Rows.Err(), r.stopped) }

// Query runs a statement over the rows of the sources. Rows appended more than
// a moment ago are seen. Errors are ErrTooBroad, ErrClosed, the context's, or a
// mistake in the statement.
func (l *Lake) Query(ctx context.Context, s Statement) (*Rows, error) {
	if err := checkStatement(s.SQL); err != nil {
		return nil, err
	}
	l.counts.queries.Add(1)
	cancel := func() {}
	if _, ok := ctx.Deadline(); !ok {
		ctx, cancel = context.WithTimeout(ctx, l.o.QueryTimeout)
	}
	rows, err := l.query(ctx, cancel, s)
	if err != nil && l.mayBeDamage(ctx, err) && l.setAside(l.listed(s), l.checkFooter) > 0 {
		rows, err = l.query(ctx, cancel, s)
	}
	if err != nil {
		err = queryError(err, ctx.Err)
		cancel()
		l.counts.queryErrors.Add(1)
		return nil, err
	}
	return rows, nil
}

// mayBeDamage leaves out the errors that have another reason than a file.
func (l *Lake) mayBeDamage(ctx context.Context, err error) bool {
	var de *duckdb.Error
	return ctx.Err() == nil && errors.As(err, &de) && de.Type != duckdb.ErrorTypeOutOfMemory
}

// listed are the files that a statement may read.
func (l *Lake) listed(s Statement) (files []*dataFile) {
	for _, src := range s.Sources {
		start, end := src.bounds()
		files = append(files, l.manifest.list(func(f *dataFile) bool { return f.Table == src.Table && f.Max >= start && f.Min < end })...)
	}
	return files
}

func (l *Lake) query(ctx context.Context, cancel func(), s Statement) (*Rows, error) {
	db, err := l.reader.open()
	if err != nil {
		return nil, err
	}
	giveBack, err := l.reader.places.acquire(ctx)
	if err != nil {
		return nil, err
	}
	l.flushForQuery(ctx)
	text, args, pinned, err := l.bind(s)
	release := func() {
		l.unpin(pinned)
		giveBack()
	}
	if err != nil {
		release()
		return nil, err
	}
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		release()
		return nil, fmt.Errorf("query lake: %w", err)
	}
	return &Rows{Rows: rows, stopped: ctx.Err, release: func() { cancel(); release() }}, nil
}

// bind puts the sources into the text. Their files are pinned even when it fails.
func (l *Lake) bind(s Statement) (string, []any, []*dataFile, error) {
	text, args := s.SQL, slices.Clone(s.Args)
	var pinned []*dataFile
	for _, name := range sortedKeys(s.Sources) {
		src := s.Sources[name]
		if src.Table != Spans && src.Table != Logs {
			return "", nil, pinned, fmt.Errorf("query lake: no table is named %q", src.Table)
		}
		files := l.pinSource(src)
		pinned = append(pinned, files...)
		relation, more := l.relation(src, files, len(args))
		args = append(args, more...)
		if !strings.Contains(text, "{"+name+"}") {
			return "", nil, pinned, fmt.Errorf("query lake: the statement does not read {%s}", name)
		}
		text = strings.ReplaceAll(text, "{"+name+"}", relation)
	}
	return text, args, pinned, nil
}

func sortedKeys(m map[string]Source) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// pinSource picks the files of a source, newest first.
func (l *Lake) pinSource(src Source) []*dataFile {
	start, end := src.bounds()
	files := l.manifest.pin(func(f *dataFile) bool {
		return f.Table == src.Table && f.Max >= start && f.Min < end
	})
	if src.TraceID != "" {
		kept, rest := files[:0:0], files[:0:0]
		for _, f := range files {
			if l.blooms.mayHold(f, src.TraceID) {
				kept = append(kept, f)
			} else {
				rest = append(rest, f)
			}
		}
		l.unpin(rest)
		files = kept
	}
	slices.SortFunc(files, func(a, b *dataFile) int {
		return cmp.Or(cmp.Compare(b.Max, a.Max), cmp.Compare(b.Seq, a.Seq))
	})
	return files
}

func (s Source) bounds() (start, end int64) {
	start, end = 0, int64(1)<<62
	if !s.Start.IsZero() {
		start = s.Start.UnixNano()
	}
	if !s.End.IsZero() {
		end = s.End.UnixNano()
	}
	return start, end
}

// relation is the text that stands for a source, and its arguments; n arguments
// come before them. The empty file comes first, so that the columns are those
// of this version and no list is empty. A workspace is never NULL, also in files
// that are older than workspaces: a coalesce would read every row's.
func (l *Lake) relation(src Source, files []*dataFile, n int) (string, []any) {
	paths := make([]string, 0, len(files)+1)
	paths = append(paths, filepath.Join(l.o.Dir, src.Table, emptyName))
	columns, union := "*", ""
	current := l.schemaOf(src.Table)
	for _, f := range files {
		paths = append(paths, filepath.Join(l.o.Dir, f.Path))
		if f.Schema != current {
			columns, union = "* REPLACE (coalesce(workspace, '') AS workspace)", ", union_by_name=true"
		}
	}
	p := func(i int) string { return "$" + strconv.Itoa(n+i) }
	text := "(SELECT " + columns + " FROM read_parquet(" + p(1) + ", hive_partitioning=false" + union + ")"
	args := []any{paths}
	if start, end := src.bounds(); slices.ContainsFunc(files, func(f *dataFile) bool { return f.Min < start || f.Max >= end }) {
		text += " WHERE time >= " + timeLiteral(start) + " AND time < " + timeLiteral(end)
	}
	return text + ")", args
}

// timeLiteral is a constant of the type of the time column.
func timeLiteral(ns int64) string {
	return "make_timestamp_ns(" + strconv.FormatInt(ns, 10) + ")"
}

func (l *Lake) unpin(files []*dataFile) {
	l.deletes.add(l.manifest.unpin(files))
	l.deletes.run(l)
}

// queryError gives the errors of DuckDB that a caller can act on a name.
func queryError(err error, stopped func() error) error {
	var de *duckdb.Error
	if !errors.As(err, &de) {
		return err
	}
	switch de.Type {
	case duckdb.ErrorTypeOutOfMemory:
		return fmt.Errorf("%w (%s)", ErrTooBroad, firstLine(de.Msg))
	case duckdb.ErrorTypeInterrupt:
		if why := stopped(); why != nil {
			return fmt.Errorf("query lake: stopped: %w", why)
		}
	}
	return err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// checkStatement is the last guard before DuckDB: one SELECT and nothing else.
// COPY would write into the lake.
func checkStatement(text string) error {
	first, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	word := strings.ToUpper(strings.TrimRightFunc(first, func(r rune) bool { return !unicode.IsLetter(r) }))
	if word != "SELECT" && word != "WITH" {
		return fmt.Errorf("query lake: only SELECT may run, not %q", word)
	}
	if outside, ok := outsideQuotes(text); !ok {
		return errors.New("query lake: a quote is not closed")
	} else if i := strings.IndexAny(outside, ";\\"); i >= 0 || strings.Contains(outside, "--") || strings.Contains(outside, "/*") || otherQuotes(outside) {
		return errors.New("query lake: only one statement may run, without comments, escapes and dollar quotes")
	}
	return nil
}

// outsideQuotes gives the text with what stands in quotes left out; the quotes stay.
func outsideQuotes(text string) (string, bool) {
	var b strings.Builder
	var inside rune
	for _, r := range text {
		switch {
		case inside == 0:
			b.WriteRune(r)
			if r == '\'' || r == '"' {
				inside = r
			}
		case r == inside:
			b.WriteRune(r)
			inside = 0
		}
	}
	return b.String(), inside == 0
}

// otherQuotes finds text literals in which a quote does not end the literal:
// E'...', whose backslashes escape, and $tag$...$tag$.
func otherQuotes(outside string) bool {
	for i := range len(outside) {
		next := byte(0)
		if i+1 < len(outside) {
			next = outside[i+1]
		}
		switch outside[i] {
		case 'e', 'E':
			if next == '\'' && (i == 0 || !isWord(outside[i-1])) {
				return true
			}
		case '$':
			if next < '0' || next > '9' {
				return true
			}
		}
	}
	return false
}

func isWord(c byte) bool {
	return c == '_' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

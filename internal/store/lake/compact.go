package lake

import (
	"bufio"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
)

func (l *Lake) compactLoop() {
	tick := time.NewTicker(l.o.CompactInterval)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		if err := l.maintain(); err != nil {
			l.o.Logger.Error("lake: maintenance failed and is tried again", "error", err)
		}
	}
}

// maintain does one round: what is too old goes, then at most a few merges for
// each table.
func (l *Lake) maintain() error {
	l.compacting.Lock()
	defer l.compacting.Unlock()
	defer l.deletes.run(l)
	errs := []error{l.retain()}
	for _, table := range []string{Spans, Logs} {
		for range 4 {
			job := l.plan(table)
			if job == nil {
				break
			}
			if err := l.merge(job); err != nil {
				if l.setAside(job.inputs, l.checkRows) > 0 {
					continue // else one damaged file would stop all merging for ever
				}
				l.counts.compactErrors.Add(1)
				errs = append(errs, fmt.Errorf("merge %d files of %s: %w", len(job.inputs), table, err))
				break
			}
			select {
			case <-l.stop:
				return errors.Join(errs...)
			default:
			}
		}
	}
	return errors.Join(errs...)
}

// merge writes the output, swaps the manifest, and lets the inputs go.
func (l *Lake) merge(job *mergeJob) error {
	seq := l.manifest.nextSeq()
	first := job.inputs[0]
	out := &dataFile{Path: fileName(filepath.Dir(first.Path), job.level, seq), Table: first.Table, Level: job.level, Seq: seq,
		Min: first.Min, Max: first.Max, Created: l.o.Now().UnixNano()}
	for _, f := range job.inputs {
		out.Min, out.Max = min(out.Min, f.Min), max(out.Max, f.Max)
	}
	err := publish(l.o.fs, l.o.Dir, out.Path, func(f file) error { return l.writeMerged(f, out, job) })
	if err != nil {
		if isUnsure(err) {
			l.discard([]*dataFile{out})
		}
		return err
	}
	if out.Rows != rowsOf(job.inputs) {
		l.discard([]*dataFile{out})
		return fmt.Errorf("%d rows became %d", rowsOf(job.inputs), out.Rows)
	}
	free, err := l.manifest.edit([]*dataFile{out}, job.inputs, 0)
	if err != nil {
		if !isUnsure(err) {
			l.discard([]*dataFile{out})
		}
		return err
	}
	l.deletes.add(free)
	l.counts.compactions.Add(1)
	l.counts.compactedRows.Add(out.Rows)
	return nil
}

func (l *Lake) writeMerged(f file, out *dataFile, job *mergeJob) error {
	schema, err := l.tableSchema(out.Table)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(f, 256<<10)
	w := parquet.NewGenericWriter[any](buffered, append(writerOptions(out.Table), schema)...)
	var inputs []uint64
	for _, in := range job.inputs {
		var earlier []uint64
		err := guarded(func() (err error) {
			earlier, err = l.copyFile(w, schema, in, job.reencode)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", in.Path, err)
		}
		inputs = append(append(inputs, in.Seq), earlier...)
	}
	w.SetKeyValueMetadata(metaInputs, encodeSeqs(inputs))
	w.SetKeyValueMetadata(metaMin, strconv.FormatInt(out.Min, 10))
	w.SetKeyValueMetadata(metaMax, strconv.FormatInt(out.Max, 10))
	if err := w.Close(); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	view := w.File()
	out.Rows, out.Groups, out.Schema = view.NumRows(), len(view.RowGroups()), schemaID(schema)
	out.Bytes, err = f.Size()
	return err
}

func (l *Lake) tableSchema(table string) (*parquet.Schema, error) {
	switch table {
	case Spans:
		return l.spanOut.writer.Schema(), nil
	case Logs:
		return l.logOut.writer.Schema(), nil
	}
	return nil, fmt.Errorf("no table is named %q", table)
}

// copyFile appends a file to the writer: its row groups as they are, or row by
// row into the group that is being filled. A file of older columns is converted. It
// gives the numbers of the files that this one replaced in its turn.
func (l *Lake) copyFile(w *parquet.GenericWriter[any], schema *parquet.Schema, in *dataFile, reencode bool) ([]uint64, error) {
	r, err := l.o.fs.Open(filepath.Join(l.o.Dir, in.Path))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := parquet.OpenFile(r, in.Bytes, parquet.ReadBufferSize(256<<10))
	if err != nil {
		return nil, err
	}
	for _, g := range p.RowGroups() {
		if in.Schema != schemaID(schema) {
			conversion, err := parquet.Convert(schema, g.Schema())
			if err != nil {
				return nil, err
			}
			g = parquet.ConvertRowGroup(g, conversion)
		}
		if !reencode {
			if _, err := w.WriteRowGroup(g); err != nil {
				return nil, err
			}
			continue
		}
		if err := copyRows(w, g); err != nil {
			return nil, err
		}
	}
	return inputsOf(p), nil
}

func copyRows(w parquet.RowWriter, g parquet.RowGroup) error {
	rows := g.Rows()
	_, err := parquet.CopyRows(w, rows)
	return errors.Join(err, rows.Close())
}

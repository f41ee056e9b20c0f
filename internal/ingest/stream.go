package ingest

import "gatehouse/internal/telemetry"

// stream is a batch in the making and the writers that get it: the stores, or
// one export. Used by the worker only.
type stream struct {
	batch   *batch
	writers []*writer
}

// maxExports bounds the exports; loggers beyond it have their rows counted as
// dropped.
const maxExports = 64

// stream finds the stream of a destination. An export gets its writer at its
// first row.
func (i *Ingest) stream(to *Destination) *stream {
	if to.Rows == nil {
		return i.main
	}
	if s := i.exports[to.Rows]; s != nil {
		return s
	}
	if len(i.exports) >= maxExports {
		return nil
	}
	w := newWriter(i, to.Rows, 1+len(i.options.Rows)+len(i.exports))
	w.first, w.decides = false, true
	s := &stream{batch: i.rows.fresh(), writers: []*writer{w}}
	i.exports[to.Rows] = s
	i.writers = append(i.writers, w)
	i.writing.Go(w.run)
	return s
}

// streams visits all of them.
func (i *Ingest) streams(visit func(*stream)) {
	visit(i.main)
	for _, s := range i.exports {
		visit(s)
	}
}

// send hands the current batch to every writer of the stream.
func (i *Ingest) send(s *stream) {
	b := s.batch
	if len(b.spans)+len(b.logs) == 0 || len(s.writers) == 0 {
		return
	}
	s.batch = i.rows.fresh()
	b.users.Store(int32(len(s.writers)))
	for _, w := range s.writers {
		w.offer(b)
	}
}

// write adds what one route keeps of an exchange. weight 0: the request
// itself is left out; messages are never sampled.
func (i *Ingest) write(r *route, e *telemetry.Exchange, t *template, weight int32, accounted bool) {
	s := i.stream(&r.to)
	if s == nil {
		if accounted {
			i.metrics.drop(dropWriterBehind, 1)
		}
		return
	}
	if len(s.writers) == 0 {
		if accounted {
			i.metrics.kept.Add(1)
		}
		return
	}
	b := s.batch
	if weight > 0 {
		i.rows.add(b, r, t, e, weight)
	} else {
		i.rows.messages(b, r, t, e)
	}
	if accounted {
		b.exchanges++
	}
	if len(b.spans)+len(b.logs) >= i.options.BatchSize {
		i.send(s)
	}
}

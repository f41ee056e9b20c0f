package lake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"gatehouse/internal/telemetry"
)

// coder visits the fields of a row in one fixed order. The encoder writes
// them, the decoder fills them in: one list of fields serves both.
type coder interface {
	text(*string)   // differs from row to row, or repeats the row before
	shared(*string) // long and the same in many rows of a batch
	bytes(*[]byte)
	i64(*int64)
	i32(*int32)
	count(int) int
	since(version byte) bool // the batch has the fields that came with this version
}

// A text field is a uvarint tag: sameAsBefore, a reference to a shared text of
// this batch, or its length plus firstLength, then its bytes.
const (
	sameAsBefore = iota
	sharedText
	firstLength
)

// encoder writes rows of one batch; prev holds the texts of the row before, by
// position of the field.
type encoder struct {
	buf    []byte
	prev   []string
	column int
	table  map[textKey]uint64
}

// textKey is the identity of a string: comparing it costs nothing, unlike
// comparing kilobytes of a policy's description for every request.
type textKey struct {
	data *byte
	size int
}

func (e *encoder) nextRow() { e.column = 0 }

func (e *encoder) before() *string {
	if e.column == len(e.prev) {
		e.prev = append(e.prev, "")
	}
	e.column++
	return &e.prev[e.column-1]
}

func (e *encoder) text(s *string) {
	p := e.before()
	if *s == *p {
		e.buf = append(e.buf, sameAsBefore)
		return
	}
	*p = *s
	e.buf = binary.AppendUvarint(e.buf, uint64(len(*s))+firstLength)
	e.buf = append(e.buf, *s...)
}

func (e *encoder) shared(s *string) {
	p := e.before()
	if *s == *p {
		e.buf = append(e.buf, sameAsBefore)
		return
	}
	*p = *s
	key := textKey{unsafe.StringData(*s), len(*s)}
	if i, ok := e.table[key]; ok && len(*s) > 0 {
		e.buf = binary.AppendUvarint(append(e.buf, sharedText), i)
		return
	}
	if e.table == nil {
		e.table = make(map[textKey]uint64)
	}
	if len(*s) > 0 {
		e.table[key] = uint64(len(e.table))
	}
	e.buf = binary.AppendUvarint(e.buf, uint64(len(*s))+firstLength)
	e.buf = append(e.buf, *s...)
}

func (e *encoder) bytes(b *[]byte) {
	e.buf = binary.AppendUvarint(e.buf, uint64(len(*b)))
	e.buf = append(e.buf, *b...)
}

func (e *encoder) i64(v *int64) { e.buf = binary.AppendVarint(e.buf, *v) }
func (e *encoder) i32(v *int32) { e.buf = binary.AppendVarint(e.buf, int64(*v)) }

func (e *encoder) count(n int) int {
	e.buf = binary.AppendUvarint(e.buf, uint64(n))
	return n
}

func (e *encoder) since(byte) bool { return true }

// decoder is the inverse. Texts and bytes of the rows share the memory of buf:
// they are valid as long as it is. err is the first failure; the row is then
// of no use.
type decoder struct {
	buf    []byte
	prev   []string
	column int
	table  []string
	// version of the batch: one that an older Gatehouse wrote has fewer fields.
	version byte
	err     error
}

var errDamaged = errors.New("the row is damaged")

func (d *decoder) nextRow() { d.column = 0 }

func (d *decoder) since(version byte) bool { return d.version >= version }

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.buf)
	if n <= 0 {
		d.err, d.buf = errDamaged, nil
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) take(n uint64) []byte {
	if d.err != nil || n > uint64(len(d.buf)) {
		d.err, d.buf = errDamaged, nil
		return nil
	}
	b := d.buf[:n]
	d.buf = d.buf[n:]
	return b
}

func (d *decoder) text(s *string) { d.string(s, false) }

func (d *decoder) shared(s *string) { d.string(s, true) }

func (d *decoder) string(s *string, keep bool) {
	if d.column == len(d.prev) {
		d.prev = append(d.prev, "") // the first row of a batch comes after an empty one
	}
	p := &d.prev[d.column]
	d.column++
	switch tag := d.uvarint(); tag {
	case sameAsBefore:
	case sharedText:
		i := d.uvarint()
		if i >= uint64(len(d.table)) {
			d.err = errDamaged
			return
		}
		*p = d.table[i]
	default:
		*p = d.view(tag - firstLength)
		if keep && *p != "" {
			d.table = append(d.table, *p)
		}
	}
	*s = *p
}

// view gives the next n bytes as a text that shares their memory.
func (d *decoder) view(n uint64) string {
	b := d.take(n)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (d *decoder) bytes(b *[]byte) {
	*b = d.take(d.uvarint())
	if len(*b) == 0 {
		*b = nil
	}
}

func (d *decoder) i64(v *int64) {
	x, n := binary.Varint(d.buf)
	if n <= 0 {
		d.err, d.buf = errDamaged, nil
		return
	}
	*v, d.buf = x, d.buf[n:]
}

func (d *decoder) i32(v *int32) {
	var x int64
	d.i64(&x)
	*v = int32(x)
}

// count refuses a number of elements that the rest of the batch cannot hold:
// each takes at least one byte.
func (d *decoder) count(int) int {
	n := d.uvarint()
	if n > uint64(len(d.buf)) {
		d.err = errDamaged
		return 0
	}
	return int(n)
}

// codeSpan visits every field of a span. A new column goes to the end, with a
// new batch version.
func codeSpan[C coder](c C, s *telemetry.Span) {
	c.i64(&s.Time)
	c.i64(&s.Duration)
	for _, p := range [...]*string{&s.TraceID, &s.SpanID, &s.ParentSpanID, &s.Name, &s.Kind, &s.Status, &s.StatusText,
		&s.Service, &s.Instance, &s.Source, &s.RequestID, &s.API, &s.APIName, &s.APIRevision, &s.Operation, &s.OperationName,
		&s.Product, &s.Subscription, &s.Route, &s.Method, &s.Scheme, &s.Host, &s.Path, &s.Query, &s.ClientIP, &s.UserAgent,
		&s.Outcome, &s.ErrorSource, &s.ErrorReason, &s.ErrorMessage, &s.ErrorWhere, &s.Attributes, &s.Events, &s.Links} {
		c.text(p)
	}
	c.i32(&s.StatusCode)
	c.i64(&s.RequestBytes)
	c.i64(&s.ResponseBytes)
	c.i64(&s.BackendTime)
	c.i64(&s.PolicyTime)
	c.i32(&s.SampleWeight)
	c.shared(&s.Resource)
	c.shared(&s.Pipeline)
	c.bytes(&s.Steps)
	n := c.count(len(s.Calls))
	if n != len(s.Calls) {
		s.Calls = make([]telemetry.CallRow, n)
	}
	for i := range s.Calls {
		codeCall(c, &s.Calls[i])
	}
	if c.since(2) {
		for _, p := range [...]*string{&s.Workspace, &s.CallType, &s.Target, &s.Data, &s.ResultCode, &s.Tags, &s.Measurements} {
			c.text(p)
		}
	}
}

func codeCall[C coder](c C, r *telemetry.CallRow) {
	for _, p := range [...]*string{&r.SpanID, &r.Source, &r.Backend, &r.Method, &r.URL, &r.Target, &r.Outcome, &r.Error} {
		c.text(p)
	}
	c.i32(&r.Status)
	c.i32(&r.Attempt)
	c.i64(&r.Offset)
	c.i64(&r.Duration)
}

func codeLog[C coder](c C, r *telemetry.LogRecord) {
	c.i64(&r.Time)
	c.i32(&r.SeverityNumber)
	for _, p := range [...]*string{&r.TraceID, &r.SpanID, &r.Severity, &r.Body, &r.EventName, &r.Service, &r.Instance,
		&r.Source, &r.API, &r.Operation, &r.Product, &r.Subscription, &r.Scope, &r.Attributes} {
		c.text(p)
	}
	c.shared(&r.Resource)
	if c.since(2) {
		c.i32(&r.SampleWeight)
		for _, p := range [...]*string{&r.Type, &r.Workspace, &r.Tags, &r.Measurements, &r.Item} {
			c.text(p)
		}
	}
}

// Kinds of batch in the write-ahead log, and the version of their encoding.
const (
	kindSpans    = 1
	kindLogs     = 2
	batchVersion = 2 // 1 had no fields of Application Insights
)

// A batch is its kind and version, the time of its arrival, the number of rows,
// and the rows.

// encodeBatch appends a batch of rows to e.buf and gives the extent of their times.
func encodeBatch[T any](e *encoder, t *tableCodec[T], received int64, rows []T) (x extent, clamped int) {
	e.buf = append(e.buf, t.kind, batchVersion)
	e.buf = binary.AppendVarint(e.buf, received)
	e.buf = binary.AppendUvarint(e.buf, uint64(len(rows)))
	for i := range rows {
		e.nextRow()
		t.encode(e, &rows[i])
		ns, other := clampTime(*t.time(&rows[i]), received)
		if other {
			clamped++
		}
		x.add(ns)
	}
	return x, clamped
}

// tableCodec is what the lake has to know of the rows of one table.
type tableCodec[T any] struct {
	name   string
	kind   byte
	encode func(*encoder, *T)
	decode func(*decoder, *T)
	time   func(*T) *int64
}

func spanCodec() *tableCodec[telemetry.Span] {
	return &tableCodec[telemetry.Span]{Spans, kindSpans, codeSpan[*encoder], codeSpan[*decoder], func(s *telemetry.Span) *int64 { return &s.Time }}
}

func logCodec() *tableCodec[telemetry.LogRecord] {
	return &tableCodec[telemetry.LogRecord]{Logs, kindLogs, codeLog[*encoder], codeLog[*decoder], func(r *telemetry.LogRecord) *int64 { return &r.Time }}
}

// rowReader gives the rows of one batch one after the other.
type rowReader[T any] struct {
	d        decoder
	t        *tableCodec[T]
	left     int
	received int64
}

// open starts a batch. A reader can be used for one batch after the other.
func (r *rowReader[T]) open(t *tableCodec[T], payload []byte) error {
	if len(payload) < 2 || payload[0] != t.kind || payload[1] == 0 || payload[1] > batchVersion {
		return fmt.Errorf("%w: unknown kind or version of a batch", errDamaged)
	}
	r.t = t
	r.d = decoder{buf: payload[2:], version: payload[1], prev: r.d.prev[:0], table: r.d.table[:0]}
	r.d.i64(&r.received)
	r.left = r.d.count(0)
	return r.d.err
}

// next decodes a row into row, whose old content does not matter. It says
// false at the end, and when the batch is damaged; err tells them apart.
func (r *rowReader[T]) next(row *T) bool {
	if r.left == 0 || r.d.err != nil {
		return false
	}
	r.left--
	r.d.nextRow()
	if r.d.version < batchVersion {
		var zero T
		*row = zero // the decoder does not visit the fields that came later
	}
	r.t.decode(&r.d, row)
	ns := r.t.time(row)
	*ns, _ = clampTime(*ns, r.received)
	return r.d.err == nil
}

func (r *rowReader[T]) err() error {
	if r.d.err == nil && r.left == 0 && len(r.d.buf) > 0 {
		return errDamaged
	}
	return r.d.err
}

// measure reads a whole batch and gives the extent of its times.
func measure[T any](t *tableCodec[T], payload []byte) (x extent, err error) {
	var r rowReader[T]
	if err := r.open(t, payload); err != nil {
		return x, err
	}
	var row T
	for r.next(&row) {
		x.add(*t.time(&row))
	}
	return x, r.err()
}

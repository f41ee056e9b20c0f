package otlp

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxNameBytes bounds names and status messages.
const maxNameBytes = 2 << 10

// maxAhead is how far in the future a time may be: a sender's clock is off,
// and rows of the year 2300 would never leave the store.
const maxAhead = int64(24 * time.Hour)

// rowBuilder makes rows of one request.
type rowBuilder struct {
	options *Options
	now     int64
	w       objectWriter
}

func newRowBuilder(o *Options) *rowBuilder {
	return &rowBuilder{options: o, now: o.Now().UnixNano(), w: objectWriter{maxAttributes: o.MaxAttributes, maxBytes: o.MaxAttributeBytes}}
}

// origin is what the rows of one resource and scope share.
type origin struct {
	service, instance, resource string
	scope, version              string
}

func (b *rowBuilder) origin(r pcommon.Resource) origin {
	o := origin{service: "unknown_service"}
	if v, ok := r.Attributes().Get("service.name"); ok && v.AsString() != "" {
		o.service = clean(v.AsString(), maxNameBytes)
	}
	if v, ok := r.Attributes().Get("service.instance.id"); ok {
		o.instance = clean(v.AsString(), maxNameBytes)
	}
	b.w.buf = b.w.buf[:0]
	b.w.open()
	dropped := b.w.attributes(r.Attributes(), nil)
	b.dropped("otel.dropped_attributes_count", dropped, r.DroppedAttributesCount())
	o.resource = b.object()
	return o
}

func (o *origin) setScope(s pcommon.InstrumentationScope) {
	o.scope, o.version = clean(s.Name(), maxNameBytes), clean(s.Version(), maxNameBytes)
}

// object ends the object that is being written; it is "" when empty.
func (b *rowBuilder) object() string {
	if len(b.w.buf) == 1 {
		return ""
	}
	b.w.close()
	return string(b.w.buf)
}

// dropped notes what the limits and the sender left out, under the name that
// OpenTelemetry gives it outside OTLP.
func (b *rowBuilder) dropped(key string, here int, sender uint32) {
	if n := int64(here) + int64(sender); n > 0 {
		b.w.number(key, n)
	}
}

// clamp gives a time in nanoseconds; fallback when it is missing, now when it
// is too far in the future.
func (b *rowBuilder) clamp(t pcommon.Timestamp, fallback int64) int64 {
	switch {
	case t == 0:
		return fallback
	case b.ahead(t):
		return b.now
	}
	return int64(t)
}

func (b *rowBuilder) ahead(t pcommon.Timestamp) bool { return uint64(t) > uint64(b.now+maxAhead) }

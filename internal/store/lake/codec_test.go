package lake

import (
	"reflect"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

// filled gives every field of a row a value of its own.
func filled[T any](seed int) T {
	var row T
	fillValue(reflect.ValueOf(&row).Elem(), &seed)
	return row
}

func fillValue(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(v.Field(i), n)
		}
	case reflect.String:
		v.SetString("text " + string(rune('a'+*n%26)) + time.Duration(*n).String())
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n) * -7919)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{1, 2, byte(*n)})
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fillValue(v.Index(i), n)
		}
	}
}

// A field that the codec forgets is one that a crash loses: every field of the
// row types has to come back.
func TestCodecKeepsEveryField(t *testing.T) {
	spans := []telemetry.Span{filled[telemetry.Span](1), filled[telemetry.Span](1), {}, filled[telemetry.Span](500)}
	checkCodec(t, spanCodec(), spans)
	checkCodec(t, logCodec(), []telemetry.LogRecord{filled[telemetry.LogRecord](1), {}, filled[telemetry.LogRecord](9)})
}

func checkCodec[T any](t *testing.T, codec *tableCodec[T], rows []T) {
	t.Helper()
	e := &encoder{}
	encodeBatch(e, codec, 0, rows)
	var r rowReader[T]
	if err := r.open(codec, e.buf); err != nil {
		t.Fatal(err)
	}
	var got []T
	for {
		var row T
		if !r.next(&row) {
			break
		}
		got = append(got, row)
	}
	if r.err() != nil || !reflect.DeepEqual(got, rows) {
		t.Errorf("%v\ngot  %+v\nwant %+v", r.err(), got, rows)
	}
}

func FuzzReadBatch(f *testing.F) {
	e := &encoder{}
	encodeBatch(e, spanCodec(), 5, []telemetry.Span{gatewaySpan(1, time.Unix(1, 0)), gatewaySpan(2, time.Unix(2, 0))})
	f.Add(e.buf)
	f.Add([]byte{kindLogs, batchVersion})
	f.Add([]byte{kindSpans, batchVersion, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, err := measure(spanCodec(), b); err == nil && x.rows > len(b) {
			t.Error("more rows than bytes")
		}
		measure(logCodec(), b)
	})
}

func FuzzReadWAL(f *testing.F) {
	rec := reserveHeader(nil)
	rec = append(rec, "payload"...)
	sealRecord(rec)
	f.Add(rec)
	f.Add(append(rec, rec[:5]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if good, err := readWAL(b, func([]byte) error { return nil }); err != nil || good > len(b) {
			t.Error(good, err)
		}
	})
}

// A log that an older Gatehouse left behind is read, without the later fields.
func TestCodecReadsVersion1(t *testing.T) {
	span := filled[telemetry.Span](1)
	payload := []byte{kindSpans, 1, 0, 1} // no time, one row
	e := &encoder{buf: payload}
	codeSpan(oldEncoder{e}, &span)
	var r rowReader[telemetry.Span]
	if err := r.open(spanCodec(), e.buf); err != nil {
		t.Fatal(err)
	}
	got := filled[telemetry.Span](77)
	if !r.next(&got) || r.next(&got) || r.err() != nil {
		t.Fatal(r.err())
	}
	if got.Name != span.Name || len(got.Calls) != 2 || got.Workspace != "" || got.Data != "" {
		t.Errorf("version 1: %+v", got)
	}
}

// oldEncoder writes what version 1 did.
type oldEncoder struct{ *encoder }

func (oldEncoder) since(version byte) bool { return version <= 1 }

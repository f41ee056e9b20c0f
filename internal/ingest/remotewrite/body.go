package remotewrite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/golang/snappy"
	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds of what a request becomes. Two bytes can be an empty series, which is
// a hundred in memory, so that what is small as sent is counted before it is
// decoded.
const (
	maxDecoded = 32 << 20 // bytes without compression, as upstream has it
	maxSeries  = 200_000
	maxParts   = 2_000_000 // labels, samples, exemplars, buckets, symbols
)

var (
	errManySeries = fmt.Errorf("the request has more than %d series: send fewer at once", maxSeries)
	errManyParts  = fmt.Errorf("the request has more than %d labels and samples: send fewer at once", maxParts)
	errMalformed  = errors.New("the request is not a protocol buffer of remote write: it is cut or of another kind")
)

// body reads a request whole, within bounds of size and time, and looks whether
// it can be decoded. What is wrong is answered; ok is false then.
func (r *Receiver) body(w http.ResponseWriter, req *http.Request, state *request) (ok bool) {
	control := http.NewResponseController(w)
	// A writer without deadlines is that of a test, or has limits of its own.
	_ = control.SetReadDeadline(time.Now().Add(r.options.ReadTimeout))
	data, err := io.ReadAll(http.MaxBytesReader(w, req.Body, r.options.MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, fmt.Sprintf("the request has more than %d bytes: send fewer samples at once", r.options.MaxBody), http.StatusRequestEntityTooLarge)
		return false
	case errors.Is(err, os.ErrDeadlineExceeded):
		http.Error(w, fmt.Sprintf("the body did not arrive within %v", r.options.ReadTimeout), http.StatusRequestTimeout)
		return false
	case err != nil:
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return false
	}
	_ = control.SetReadDeadline(time.Time{})
	r.bytes.take(int64(len(data)), r.options.Now())
	c, err := check(data, state.v1)
	if err != nil && !errors.Is(err, errMalformed) { // upstream words what is malformed, as senders know it
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	if err == nil && c.invalid > 0 {
		// Upstream leaves them out of a request of version 1 without a word, and
		// answers 204: they are counted at least.
		r.counts.refused.WithLabelValues("invalid_labels").Add(float64(c.invalid))
	}
	req.Body = io.NopCloser(bytes.NewReader(data))
	return true
}

// check counts what a request would become.
func check(data []byte, v1 bool) (*counter, error) {
	size, err := snappy.DecodedLen(data)
	if err != nil {
		return nil, errMalformed
	}
	if size > maxDecoded {
		return nil, fmt.Errorf("the body has more than %d bytes without compression", maxDecoded)
	}
	plain, err := snappy.Decode(nil, data)
	if err != nil {
		return nil, errMalformed
	}
	c := &counter{series: 5} // field numbers of the list of series
	if v1 {
		c.series, c.labels = 1, true
	}
	return c, c.request(plain)
}

type counter struct {
	series        protowire.Number
	groups, parts int

	labels  bool     // they are texts, and are looked at
	invalid int      // samples of series whose labels are not valid
	names   [][]byte // of the series that is looked at
}

func (c *counter) request(b []byte) error {
	return each(b, func(number protowire.Number, value []byte) error {
		if number != c.series {
			return c.part() // metadata of version 1, symbols of version 2
		}
		if c.groups++; c.groups > maxSeries {
			return errManySeries
		}
		return c.one(value)
	})
}

// one looks at a series.
func (c *counter) one(series []byte) error {
	c.names = c.names[:0]
	samples := 0
	var wrong error
	err := each(series, func(number protowire.Number, inner []byte) error {
		switch {
		case number == 1 && c.labels:
			if err := c.label(inner); err != nil && wrong == nil {
				wrong = err
			}
		case number == 2 || number == 4:
			samples++
		}
		if len(inner) > maxPacked {
			// Lists of numbers, such as the buckets of a histogram.
			c.parts += len(inner) / 8
		}
		return c.part()
	})
	if err != nil || !c.labels {
		return err
	}
	if wrong == nil && !slices.ContainsFunc(c.names, func(n []byte) bool { return string(n) == "__name__" }) {
		wrong = errors.New("a series has no __name__")
	}
	if wrong != nil {
		c.invalid += samples
	}
	return nil
}

// label notes the name of a label and says what is wrong with it.
func (c *counter) label(b []byte) error {
	var name, value []byte
	if err := each(b, func(number protowire.Number, inner []byte) error {
		switch number {
		case 1:
			name = inner
		case 2:
			value = inner
		}
		return nil
	}); err != nil {
		return err
	}
	switch n := len(c.names); {
	case len(name) == 0 || !utf8.Valid(name):
		return errors.New("the name of a label is empty or not UTF-8")
	case !utf8.Valid(value):
		return fmt.Errorf("the value of the label %.100q is not UTF-8", name)
	case n > 0 && bytes.Compare(c.names[n-1], name) < 0:
		// In order, as the specification has it: it cannot be there twice.
	case slices.ContainsFunc(c.names, func(other []byte) bool { return bytes.Equal(other, name) }):
		return fmt.Errorf("the label %.100q is there twice", name)
	}
	c.names = append(c.names, name)
	return nil
}

// maxPacked is the length from which a field is counted by its bytes.
const maxPacked = 64

func (c *counter) part() error {
	if c.parts++; c.parts > maxParts {
		return errManyParts
	}
	return nil
}

// each walks over the length-delimited fields of a message.
func each(b []byte, visit func(protowire.Number, []byte) error) error {
	for len(b) > 0 {
		number, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errMalformed
		}
		b = b[n:]
		if wire != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, wire, b); n < 0 {
				return errMalformed
			}
			b = b[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return errMalformed
		}
		if err := visit(number, value); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

package statement

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"

	"gatehouse/internal/policy/expr"
)

// Why a body cannot be validated.
var (
	errContentUnread   = errors.New("it was read before, or is larger than what is validated")
	errContentEncoding = errors.New("its Content-Encoding cannot be read, or it is larger than what is validated")
)

// empty tells whether the message has no body, or one without a byte.
func (m *content) empty() bool { return !m.body.Present() || m.body.Size() == 0 && m.body.Replayable() }

// size is the length of the body after decompression; of one that is longer
// than the limit only that it is longer is sure.
func (m *content) size(limit int64) int64 {
	if size := m.body.Size(); size > limit {
		return size
	}
	if m.header.Get("Content-Encoding") != "" {
		data, err := m.read()
		if err == nil {
			return int64(len(data))
		}
	}
	data, whole := m.body.Peek(limit)
	if !whole {
		return limit + 1
	}
	return int64(len(data))
}

// read gives the decompressed body, once for all rules; the message keeps it.
func (m *content) read() ([]byte, error) {
	if m.loaded {
		return m.data, m.err
	}
	m.loaded = true
	data, whole := m.body.Peek(expr.DefaultMaxBody)
	if !whole {
		m.err = errContentUnread
		return nil, m.err
	}
	m.data, m.err = decompress(data, m.header.Get("Content-Encoding"))
	return m.data, m.err
}

func decompress(data []byte, encoding string) ([]byte, error) {
	var r io.Reader
	var err error
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return data, nil
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(data))
	case "deflate":
		r, err = zlib.NewReader(bytes.NewReader(data))
	default:
		return nil, errContentEncoding
	}
	if err != nil {
		return nil, errContentEncoding
	}
	plain, err := io.ReadAll(io.LimitReader(r, expr.DefaultMaxBody+1))
	if err != nil || len(plain) > expr.DefaultMaxBody {
		return nil, errContentEncoding
	}
	return plain, nil
}

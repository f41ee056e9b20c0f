package expr

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
)

// Kinds of encoded values: the first byte.
const (
	codeString   = 's'
	codeBool     = 'b'
	codeInt32    = 'i'
	codeInt64    = 'l'
	codeDouble   = 'd'
	codeBytes    = 'x'
	codeJSON     = 'j'
	codeGuid     = 'g'
	codeDateTime = 't'
	codeResponse = 'r'
)

var errEncoded = errors.New("not an encoded value")

// Encode writes a value for a cache outside the process; ok is false for kinds
// of values that live in the process only. Bodies of responses must be buffered.
func Encode(v any) (data []byte, ok bool) {
	switch x := v.(type) {
	case string:
		return append([]byte{codeString}, x...), true
	case []byte:
		return append([]byte{codeBytes}, x...), true
	case bool:
		if x {
			return []byte{codeBool, 1}, true
		}
		return []byte{codeBool, 0}, true
	case int32:
		return encodedNumber(codeInt32, uint64(int64(x))), true
	case int64:
		return encodedNumber(codeInt64, uint64(x)), true
	case float64:
		return encodedNumber(codeDouble, math.Float64bits(x)), true
	case Guid:
		return append([]byte{codeGuid}, x[:]...), true
	case DateTime:
		return append(encodedNumber(codeDateTime, uint64(x.ticks)), byte(x.kind)), true
	case *JToken:
		if x != nil {
			return append([]byte{codeJSON}, x.JSON(false)...), true
		}
	case *Response:
		if x != nil {
			return encodeResponse(x)
		}
	}
	return nil, false
}

func encodedNumber(code byte, n uint64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{code}, n)
}

// responseHead is what stands before the body of an encoded response.
type responseHead struct {
	Status int
	Reason string
	Header Header
	None   bool // there is no body, not even an empty one
}

func encodeResponse(r *Response) ([]byte, bool) {
	body, buffered := r.Body.Buffered()
	head, err := json.Marshal(responseHead{r.StatusCode, r.StatusReason, r.Header, !buffered})
	if err != nil {
		return nil, false
	}
	out := binary.LittleEndian.AppendUint32([]byte{codeResponse}, uint32(len(head)))
	return append(append(out, head...), body...), true
}

// Decode reads what Encode wrote.
func Decode(data []byte) (any, error) {
	if len(data) == 0 {
		return nil, errEncoded
	}
	code, rest := data[0], data[1:]
	switch code {
	case codeString:
		return string(rest), nil
	case codeBytes:
		return rest, nil
	case codeJSON:
		return ParseJSON(rest)
	case codeResponse:
		return decodeResponse(rest)
	case codeBool:
		if len(rest) == 1 {
			return rest[0] == 1, nil
		}
	case codeGuid:
		if len(rest) == len(Guid{}) {
			return Guid(rest), nil
		}
	}
	if len(rest) < 8 {
		return nil, errEncoded
	}
	n := binary.LittleEndian.Uint64(rest)
	switch {
	case code == codeInt32 && len(rest) == 8:
		return int32(n), nil
	case code == codeInt64 && len(rest) == 8:
		return int64(n), nil
	case code == codeDouble && len(rest) == 8:
		return math.Float64frombits(n), nil
	case code == codeDateTime && len(rest) == 9 && n <= maxTicks && dateKind(rest[8]) <= kindLocal:
		return DateTime{int64(n), dateKind(rest[8])}, nil
	}
	return nil, errEncoded
}

func decodeResponse(data []byte) (any, error) {
	if len(data) < 4 {
		return nil, errEncoded
	}
	size := int64(binary.LittleEndian.Uint32(data))
	if data = data[4:]; size > int64(len(data)) {
		return nil, errEncoded
	}
	var head responseHead
	if err := json.Unmarshal(data[:size], &head); err != nil {
		return nil, errEncoded
	}
	out := &Response{StatusCode: head.Status, StatusReason: head.Reason, Header: head.Header}
	if out.Header == nil {
		out.Header = Header{}
	}
	if !head.None {
		out.Body = BytesBody(data[size:])
	}
	return out, nil
}

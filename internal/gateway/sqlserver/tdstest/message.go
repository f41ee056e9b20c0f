package tdstest

import (
	"encoding/binary"
	"fmt"
	"math"
)

// call reads a call of sp_executesql: the statement, its declarations, and the
// values.
func (r *Request) call(b []byte) error {
	p := &parser{b: b}
	if p.u16() != 0xffff || p.u16() != 10 {
		return fmt.Errorf("not a call of sp_executesql")
	}
	p.u16() // flags
	r.Values = map[string]any{}
	for i := 0; len(p.b) > 0 && p.err == nil; i++ {
		name := text(p.take(2 * int(p.take(1)[0])))
		p.take(1) // status
		switch v := p.value(); i {
		case 0:
			r.Statement, _ = v.(string)
		case 1:
			r.Declared, _ = v.(string)
		default:
			r.Values[name] = v
		}
	}
	return p.err
}

type parser struct {
	b   []byte
	err error
}

func (p *parser) take(n int) []byte {
	if n > len(p.b) {
		p.err = fmt.Errorf("the message ends early")
		return make([]byte, n)
	}
	out := p.b[:n]
	p.b = p.b[n:]
	return out
}

func (p *parser) u16() int { return int(binary.LittleEndian.Uint16(p.take(2))) }

// value reads type and value of a parameter.
func (p *parser) value() any {
	switch kind := p.take(1)[0]; kind {
	case 0x1f:
		return nil
	case 0x26, 0x68, 0x6d, 0x24: // int, bit, float, uniqueidentifier
		p.take(1)
		return fixed(kind, p.take(int(p.take(1)[0])))
	case 0xe7, 0xa7: // nvarchar, varchar
		size := p.u16()
		p.take(5)
		data := p.long(size)
		if data == nil {
			return nil
		}
		if kind == 0xa7 {
			return string(data)
		}
		return text(data)
	case 0xa5: // varbinary
		if data := p.long(p.u16()); data != nil {
			return data
		}
		return nil
	default:
		p.err = fmt.Errorf("type %#x", kind)
		return nil
	}
}

// long reads a value with a length of two bytes, or in parts.
func (p *parser) long(size int) []byte {
	if size != 0xffff {
		if n := p.u16(); n != 0xffff {
			return append([]byte{}, p.take(n)...)
		}
		return nil
	}
	if binary.LittleEndian.Uint64(p.take(8)) == math.MaxUint64 {
		return nil
	}
	out := []byte{}
	for {
		n := int(binary.LittleEndian.Uint32(p.take(4)))
		if n == 0 || p.err != nil {
			return out
		}
		out = append(out, p.take(n)...)
	}
}

func fixed(kind byte, data []byte) any {
	switch {
	case len(data) == 0:
		return nil
	case kind == 0x24:
		return data
	case kind == 0x68:
		return data[0] != 0
	case kind == 0x6d:
		return math.Float64frombits(binary.LittleEndian.Uint64(data))
	}
	whole := make([]byte, 8)
	copy(whole, data)
	return int64(binary.LittleEndian.Uint64(whole))
}

// results writes result sets; nil for none.
func results(list []Result) []byte {
	if list == nil {
		return nil
	}
	var out []byte
	for i, r := range list {
		status := uint16(0x10) // with a count
		if i < len(list)-1 {
			status |= 1 // more follow
		}
		if r.Error != 0 {
			out = append(append(out, failure(r.Error)...), done(2, 0)...)
			return out
		}
		if r.Columns != nil {
			out = binary.LittleEndian.AppendUint16(append(out, 0x81), uint16(len(r.Columns)))
			for _, c := range r.Columns {
				out = append(append(out, 0, 0, 0, 0, 1, 0), c.info...)
				out = append(out, short(c.Name)...)
			}
		}
		for _, row := range r.Rows {
			out = append(out, 0xd1)
			for _, cell := range row {
				out = append(out, cell...)
			}
		}
		out = append(out, done(status, uint64(len(r.Rows)))...)
	}
	return out
}

func done(status uint16, count uint64) []byte {
	out := binary.LittleEndian.AppendUint16([]byte{0xfd}, status)
	return binary.LittleEndian.AppendUint64(append(out, 0xc1, 0), count)
}

func failure(number int32) []byte {
	const message = "a text that clients must not see"
	body := binary.LittleEndian.AppendUint32(nil, uint32(number))
	body = append(body, 1, 16)
	body = binary.LittleEndian.AppendUint16(body, uint16(len(message)))
	body = append(append(body, ucs2(message)...), 0, 0)
	return token(0xaa, append(body, 1, 0, 0, 0))
}

// Column is a column of a result set.
type Column struct {
	Name string
	info []byte // the type as the protocol has it
}

// Columns of some types. Cells are made by the functions of the same kind.
func BigInt(name string) Column  { return Column{name, []byte{0x26, 8}} }
func Bit(name string) Column     { return Column{name, []byte{0x68, 1}} }
func Float(name string) Column   { return Column{name, []byte{0x6d, 8}} }
func GUID(name string) Column    { return Column{name, []byte{0x24, 16}} }
func Date(name string) Column    { return Column{name, []byte{0x28}} }
func Moment(name string) Column  { return Column{name, []byte{0x2a, 7}} }       // datetime2(7)
func Offset(name string) Column  { return Column{name, []byte{0x2b, 7}} }       // datetimeoffset(7)
func Clock(name string) Column   { return Column{name, []byte{0x29, 7}} }       // time(7)
func Decimal(name string) Column { return Column{name, []byte{0x6a, 5, 9, 2}} } // decimal(9,2)
func Text(name string) Column    { return Column{name, []byte{0xe7, 0x40, 0x1f, 9, 4, 0xd0, 0, 0x34}} }
func Binary(name string) Column  { return Column{name, []byte{0xa5, 0x40, 0x1f}} }

// Cell is a value of up to 255 bytes as it is sent, with its length; Null is none.
func Cell(data ...byte) []byte { return append([]byte{byte(len(data))}, data...) }

// Int is a cell of BigInt.
func Int(n int64) []byte { return Cell(binary.LittleEndian.AppendUint64(nil, uint64(n))...) }

// Double is a cell of Float.
func Double(f float64) []byte {
	return Cell(binary.LittleEndian.AppendUint64(nil, math.Float64bits(f))...)
}

// String is a cell of Text.
func String(s string) []byte { return Long(ucs2(s)...) }

// Long is a cell of Text or Binary.
func Long(data ...byte) []byte {
	return append(binary.LittleEndian.AppendUint16(nil, uint16(len(data))), data...)
}

// Null is a cell without a value, of all types but Text and Binary.
func Null() []byte { return []byte{0} }

package schema

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// locate finds the line and position of a value in a JSON text that is known
// to be valid.
func locate(data []byte, path []string, fold bool) (line, position int) {
	d := json.NewDecoder(bytes.NewReader(data))
	for _, part := range path {
		if !enter(d, part, fold) {
			break
		}
	}
	offset := int(d.InputOffset())
	for offset < len(data) && strings.IndexByte(" \t\r\n,:", data[offset]) >= 0 {
		offset++
	}
	return linePosition(data, offset+1)
}

// enter moves the decoder in front of a member or an element.
func enter(d *json.Decoder, part string, fold bool) bool {
	open, err := d.Token()
	if err != nil {
		return false
	}
	index := -1
	if open == json.Delim('[') {
		if index, err = strconv.Atoi(part); err != nil {
			return false
		}
	}
	var skipped json.RawMessage
	for n := 0; d.More(); n++ {
		if index >= 0 && n == index {
			return true
		}
		if index < 0 {
			key, err := d.Token()
			name, text := key.(string)
			if err != nil || !text {
				return false
			}
			if name == part || fold && strings.EqualFold(name, part) {
				return true
			}
		}
		if d.Decode(&skipped) != nil {
			return false
		}
	}
	return false
}

// linePosition counts from 1; offset is that of the byte behind the place.
func linePosition(data []byte, offset int) (line, position int) {
	before := data[:min(max(offset-1, 0), len(data))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

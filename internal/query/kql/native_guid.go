package kql

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/store/lake"
)

// guidNatives carry a GUID as the base64 of its 16 bytes. The bytes are in the
// order of .NET, which turns the first three groups round.
func guidNatives() []lake.Function {
	return []lake.Function{
		native("base64_of_guid", "s>s", func(a []any) any {
			raw, err := hex.DecodeString(strings.ReplaceAll(a[0].(string), "-", ""))
			if err != nil || len(raw) != 16 {
				return ""
			}
			return base64.StdEncoding.EncodeToString(turnGUID(raw))
		}),
		native("guid_of_base64", "s>s", func(a []any) any {
			raw, err := base64.StdEncoding.DecodeString(a[0].(string))
			if err != nil || len(raw) != 16 {
				return nil
			}
			raw = turnGUID(raw)
			return fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
		}),
	}
}

func turnGUID(raw []byte) []byte {
	for _, group := range [][]byte{raw[:4], raw[4:6], raw[6:8]} {
		slices.Reverse(group)
	}
	return raw
}

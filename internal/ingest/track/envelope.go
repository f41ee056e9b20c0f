package track

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// envelope is what all items share. Names are matched in any case.
type envelope struct {
	Time       text   `json:"time"`
	SampleRate number `json:"sampleRate"`
	IKey       text   `json:"iKey"`
	Tags       pairs  `json:"tags"`
	Data       struct {
		BaseType text            `json:"baseType"`
		BaseData json.RawMessage `json:"baseData"`
	} `json:"data"`
}

// pairs is an object of texts; anything else, such as an empty array, is empty.
type pairs map[string]text

func (p *pairs) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return nil
	}
	return json.Unmarshal(b, (*map[string]text)(p))
}

// numbers is an object of numbers; anything else is empty.
type numbers map[string]number

func (n *numbers) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return nil
	}
	return json.Unmarshal(b, (*map[string]number)(n))
}

func readEnvelope(raw json.RawMessage) (*envelope, *fault) {
	e := &envelope{}
	switch err := json.Unmarshal(raw, e); {
	case err != nil && !json.Valid(raw):
		return nil, invalid("the item is no JSON object")
	case err != nil:
		return nil, invalid("the envelope has fields of unexpected types")
	case !e.Data.BaseType.set || !object(e.Data.BaseData):
		return nil, missing("data.baseType and data.baseData", "Envelope")
	}
	return e, nil
}

func object(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && raw[0] == '{'
}

func (e *envelope) key() string { return strings.TrimSpace(e.IKey.s) }

func invalid(message string) *fault {
	return &fault{status: http.StatusBadRequest, reason: "invalid", message: message}
}

// missing names a field in the words that senders of the protocol know.
func missing(field, kind string) *fault {
	return invalid(fmt.Sprintf("Field '%s' on type '%s' is required but missing or empty.", field, kind))
}

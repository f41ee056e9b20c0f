package otlp

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the goldens anew")

// TestGolden sends the request of each file as JSON and compares the rows.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := rowsOf(t, a.Files[0])
			if *update {
				a.Files = []txtar.File{a.Files[0], {Name: "rows", Data: got}}
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := a.Files[1].Data; !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func rowsOf(t *testing.T, request txtar.File) []byte {
	t.Helper()
	var s store
	kind := traces
	if request.Name == "logs.json" {
		kind = logs
	}
	response, f := New(s.options()).export(t.Context(), kind, jsonText, request.Data)
	if f != nil {
		t.Fatal(f.message)
	}
	var out bytes.Buffer
	for _, row := range s.spans {
		writeRow(t, &out, row)
	}
	for _, row := range s.logs {
		writeRow(t, &out, row)
	}
	answer, err := response.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(answer, []byte("rejected")) {
		out.Write(append(answer, '\n'))
	}
	return out.Bytes()
}

// writeRow writes the columns that are not empty, one a line; those that are
// JSON must be valid.
func writeRow(t *testing.T, out *bytes.Buffer, row any) {
	t.Helper()
	v := reflect.ValueOf(row)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			continue
		}
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("parquet"), ",")
		value := v.Field(i).Interface()
		text, isText := value.(string)
		switch name {
		case "attributes", "resource", "events", "links":
			if !json.Valid([]byte(text)) {
				t.Errorf("%s is not JSON: %s", name, text)
			}
			out.WriteString(name + ": " + text + "\n")
			continue
		}
		if !isText {
			b, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		out.WriteString(name + ": " + text + "\n")
	}
	out.WriteString("\n")
}

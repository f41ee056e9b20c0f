package track

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the goldens anew")

// TestGolden sends the payload of each file and compares the answer and the rows.
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
			got := answerAndRows(t, a.Files[0].Data)
			if *update {
				a.Files = []txtar.File{a.Files[0], {Name: "answer and rows", Data: got}}
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(a.Files) < 2 || !bytes.Equal(got, a.Files[1].Data) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

func answerAndRows(t *testing.T, payload []byte) []byte {
	var s store
	w := httptest.NewRecorder()
	New(s.options()).ServeHTTP(w, httptest.NewRequest("POST", "/v2.1/track", bytes.NewReader(payload)))
	out := bytes.NewBufferString(w.Result().Status + " " + w.Body.String() + "\n\n")
	for _, row := range s.spans {
		writeRow(t, out, row)
	}
	for _, row := range s.logs {
		writeRow(t, out, row)
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
		case "attributes", "resource", "tags", "measurements", "item":
			if !json.Valid([]byte(text)) {
				t.Errorf("%s is not JSON: %s", name, text)
			}
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

package expr

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
)

func TestTmpCorpus(t *testing.T) {
	b, _ := os.ReadFile("/tmp/exprs.json")
	var l []struct {
		File, Text string
		Block, Ext bool
	}
	json.Unmarshal(b, &l)
	bad := 0
	for _, e := range l {
		if e.Text == "..." {
			continue
		}
		p := Strict
		if e.Ext {
			p = Extended
		}
		_, err := Compile(e.Text, e.Block, Any, p)
		if err != nil {
			bad++
			o := min(err.Offset, len(e.Text))
			fmt.Printf("%s: %v\n   near %.80q\n", e.File, err, e.Text[max(0, o-30):min(len(e.Text), o+50)])
		}
	}
	fmt.Println(len(l), "bad", bad)
}

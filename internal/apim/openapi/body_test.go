package openapi

import "testing"

// TestRequiredBodies reads of both versions whether an operation needs its body.
func TestRequiredBodies(t *testing.T) {
	for text, want := range map[string]bool{
		`{"openapi":"3.0.1","info":{"title":"t","version":"1"},"paths":{"/a":{"post":{"operationId":"a","requestBody":{"required":true,"content":{"application/json":{}}},"responses":{"200":{"description":"ok"}}}}}}`: true,
		`{"openapi":"3.0.1","info":{"title":"t","version":"1"},"paths":{"/a":{"post":{"operationId":"a","requestBody":{"content":{"application/json":{}}},"responses":{"200":{"description":"ok"}}}}}}`:                 false,
		`{"swagger":"2.0","info":{"title":"t","version":"1"},"paths":{"/a":{"post":{"operationId":"a","parameters":[{"in":"body","name":"b","required":true,"schema":{}}],"responses":{"200":{"description":"ok"}}}}}}`: true,
	} {
		d, err := Load([]byte(text), "a.json")
		if err != nil {
			t.Fatal(err)
		}
		if op := d.Operations[0]; op.NeedsBody != want || len(op.Requests) != 1 {
			t.Errorf("%s: %+v", text, op)
		}
	}
}

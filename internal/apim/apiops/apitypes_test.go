package apiops

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/internal/apim"
)

// folder writes a service folder of pairs of name and text.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// oneAPI loads a folder that holds one API and no reason to warn.
func oneAPI(t *testing.T, files ...string) *apim.API {
	t.Helper()
	s, err := Load(folder(t, files...), Options{LookupEnv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) > 0 {
		t.Errorf("warnings: %v", s.Warnings)
	}
	return s.APIs[0]
}

const emptyPolicy = "<policies><inbound><base/></inbound></policies>"

func TestWebSocketAPIHasOneOperation(t *testing.T) {
	a := oneAPI(t, "apis/chat/apiInformation.json", `{"properties": {"path": "chat", "type": "websocket", "protocols": ["ws", "wss"], "serviceUrl": "wss://chat.example/socket"}}`,
		"apis/chat/operations/onHandshake/policy.xml", emptyPolicy)
	if len(a.Operations) != 1 || a.Operations[0].ID != "onHandshake" || a.Operations[0].Policy == nil || a.Operations[0].URLTemplate != "/*" {
		t.Errorf("%+v", a.Operations)
	}
	a = oneAPI(t, "apis/chat/apiInformation.json", `{"properties": {"path": "chat", "type": "websocket", "serviceUrl": "ws://chat.example"}}`,
		"apis/chat/operations/onhandshake/operationInformation.json", `{"properties": {"displayName": "On Handshake", "method": "GET", "urlTemplate": "/"}}`)
	if len(a.Operations) != 1 || a.Operations[0].Name != "On Handshake" || a.Operations[0].URLTemplate != "/*" {
		t.Errorf("%+v", a.Operations[0])
	}
}

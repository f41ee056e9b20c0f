package appinsights

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// goProgram builds the program of gosdk, a module of its own so that the
// product does not depend on the SDK.
var goProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(goFolder, "gosdk")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir = "gosdk"
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// unreachable says whether a build failed only because no module proxy answers.
func unreachable(err error) bool {
	for _, sign := range []string{"dial tcp", "no such host", "i/o timeout", "connection refused", "GOPROXY=off"} {
		if strings.Contains(err.Error(), sign) {
			return true
		}
	}
	return false
}

func goSDK(t *testing.T, s *site, env ...string) {
	t.Helper()
	path, err := goProgram()
	if err != nil {
		if unreachable(err) {
			t.Skip("the Go SDK cannot be fetched: ", err)
		}
		t.Fatal(err)
	}
	run(t, t.TempDir(), append(env, "KEY="+key, "ENDPOINT="+s.url+"v2/track", "SSL_CERT_FILE="+s.ca), path)
}

// goWants are the rows of its program.
func goWants() []row {
	want := manual()
	want[0]["m.items"], want[0]["trace"], want[0]["t.source"] = "3", "4bf92f3577b34da6a3ce929d0e0e4736", "the web"
	want[0]["name"] = "GET https://shop.contoso.com/shop"
	want[2]["i.type"] = "*errors.errorString"
	want[2]["i.method"] = some
	want[4]["m.price"] = "9.5"
	return append(want, row{"type": "metric", "name": "sizes", "i.value": "10", "i.valueCount": "3", "i.valueMin": "1", "i.valueMax": "5", "d.tier": "gold"})
}

func TestGo(t *testing.T) {
	s := open(t, true)
	goSDK(t, s)
	want := goWants()
	report("go", s.arrive(t, want), len(want))
}

// goFolder holds the built program until the tests end.
var goFolder string

func TestMain(m *testing.M) { os.Exit(withFolder(m)) }

func withFolder(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatehouse-gosdk-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	goFolder = dir
	return m.Run()
}

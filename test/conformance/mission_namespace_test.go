package conformance

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inNamespace is set in a process of this test that has a network of its own.
const inNamespace = "GATEHOUSE_TEST_NAMESPACE"

// alone are rows that need nothing but a backend on this machine: requests and
// their traces, alerts to receivers, remote write, scraping, rules, dashboards,
// workspaces, reports, tokens, loggers.
var alone = []string{"P04", "P05", "P10", "P18", "P24", "P25", "A25", "A28", "M02", "M08", "M10", "M17", "M22", "M24", "M27", "M30"}

// M25: the whole works where there is no route to anywhere: rows of this table
// run again in a network of their own, which has a loopback interface alone.
func missionNoWayOut(t *testing.T, _ *house) {
	cmd := exec.Command(os.Args[0], "-test.run", "TestMission$/^("+strings.Join(alone, "|")+")$", "-test.v", "-test.timeout", "5m")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	if !ownNetwork(cmd) {
		t.Skip("this system has no network namespaces")
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSYS) {
		t.Skipf("network namespaces are not permitted here: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, row := range alone {
		if !strings.Contains(string(out), "--- PASS: TestMission/"+row+" ") {
			t.Errorf("%s did not run without a way out", row)
		}
	}
}

// shutIn makes the loopback interface of a network namespace work, and shows that
// nothing else can be reached.
func shutIn(t *testing.T) {
	t.Helper()
	if os.Getenv(inNamespace) == "" {
		return
	}
	if err := raiseLoopback(); err != nil {
		t.Fatal(err)
	}
	if c, err := net.DialTimeout("tcp", "192.0.2.1:443", 5*time.Second); err == nil || !errors.Is(err, syscall.ENETUNREACH) {
		t.Fatalf("there is a way out: %v, %v", c, err)
	}
}

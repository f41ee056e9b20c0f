package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// bench owns the folder and the processes of one run, and what it measured.
type bench struct {
	dir, prometheus, gatehouse string

	mu      sync.Mutex
	running []*process
	results []result
}

// process is one of the two that are compared.
type process struct {
	cmd   *exec.Cmd
	base  string // of the Prometheus API, without a slash at the end
	rules string // path of its rule file
}

// start runs both on empty folders, the stock one first.
func (b *bench) start(name string) (pair [2]*process, err error) {
	if pair[0], err = b.startPrometheus(name); err != nil {
		return pair, err
	}
	pair[1], err = b.startGatehouse(name)
	return pair, err
}

func (b *bench) startPrometheus(name string) (*process, error) {
	dir := filepath.Join(b.dir, name+"-prometheus")
	rules, address := filepath.Join(dir, "rules.yml"), freePort()
	config := fmt.Sprintf("global: {scrape_interval: 1h}\nrule_files: [%q]\nstorage: {tsdb: {out_of_order_time_window: 10m}}\n", rules)
	if err := write(filepath.Join(dir, "prometheus.yml"), config, rules, noRules); err != nil {
		return nil, err
	}
	cmd := exec.Command(b.prometheus, "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"),
		"--web.listen-address", address, "--web.enable-remote-write-receiver", "--web.enable-lifecycle", "--log.level", "error")
	return b.launch(cmd, "http://"+address, "/-/ready", rules)
}

func (b *bench) startGatehouse(name string) (*process, error) {
	dir := filepath.Join(b.dir, name+"-gatehouse")
	rules, monitor := filepath.Join(dir, "rules.yml"), freePort()
	config := fmt.Sprintf("rules: {files: [%q], noShipped: true}\nmetrics: {workspaces: [{name: default, maxSeries: -1}]}\nlogLevel: error\n", rules)
	api := `{"properties":{"displayName":"api","path":"api","protocols":["http"],"serviceUrl":"http://127.0.0.1:1","subscriptionRequired":false}}`
	if err := write(filepath.Join(dir, "gatehouse.yaml"), config, rules, noRules, filepath.Join(dir, "service/apis/api/apiInformation.json"), api); err != nil {
		return nil, err
	}
	cmd := exec.Command(b.gatehouse, "run", "--config", filepath.Join(dir, "gatehouse.yaml"), "--service", filepath.Join(dir, "service"), "--data", filepath.Join(dir, "data"),
		"--listen-gateway", freePort(), "--listen-gateway-tls", "", "--listen-monitor", monitor, "--listen-monitor-tls", "", "--listen-otlp-grpc", "", "--listen-otlp-http", "")
	return b.launch(cmd, "http://"+monitor+"/prometheus", "/-/ready", rules)
}

func (b *bench) launch(cmd *exec.Cmd, base, ready, rules string) (*process, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, base: base, rules: rules}
	b.mu.Lock()
	b.running = append(b.running, p)
	b.mu.Unlock()
	for range 1200 {
		if resp, err := http.Get(base + ready); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return p, nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, fmt.Errorf("%s is not ready after a minute:\n%s", cmd.Path, out.String())
}

// stop ends all processes.
func (b *bench) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.running {
		_ = p.cmd.Process.Signal(syscall.SIGKILL) // their folders are removed
		_ = p.cmd.Wait()
	}
	b.running = nil
}

func write(pathsAndTexts ...string) error {
	for i := 0; i+1 < len(pathsAndTexts); i += 2 {
		if err := os.MkdirAll(filepath.Dir(pathsAndTexts[i]), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(pathsAndTexts[i], []byte(pathsAndTexts[i+1]), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

// cpu is the time that the process has used, user and system.
func (p *process) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, _ := strconv.ParseInt(f, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100)
}

// held is the memory of a process in bytes.
type held struct {
	now, most float64 // RSS, and the most that it ever was
	own       float64 // of now, what is not pages of files, such as the program itself
}

func (p *process) memory() (m held) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "VmRSS:":
			m.now = n * 1024
		case "VmHWM:":
			m.most = n * 1024
		case "RssAnon:":
			m.own = n * 1024
		}
	}
	return m
}

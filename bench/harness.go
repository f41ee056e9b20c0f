package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// harness owns the backend, the OTLP sink and the folder of one run.
type harness struct {
	dir         string
	seconds     float64
	connections int
	rate        int    // requests per second, 0: as many as go
	profiles    string // folder for a processor profile of each measurement, "" is none
	backend     *exec.Cmd
	backendAddr string
	sink        *exec.Cmd
	sinkAddr    string
}

// measurement is one target in one round.
type measurement struct {
	rps    float64
	cpu    float64 // microseconds of the target's processes per request
	p99    string
	rss    int64 // bytes, after the load
	errors int
	note   string
	bytes  float64 // on disk for a recorded request, 0: none were
}

func (h *harness) start() error {
	var err error
	if h.backend, h.backendAddr, err = h.self("backend"); err != nil {
		return err
	}
	h.sink, h.sinkAddr, err = h.self("sink")
	return err
}

func (h *harness) stop() {
	kill(h.backend)
	kill(h.sink)
}

// self starts this program in another role on a free port.
func (h *harness) self(role string) (*exec.Cmd, string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	addr, err := freePort()
	if err != nil {
		return nil, "", err
	}
	cmd := exec.Command(exe, "-role", role, "-listen", addr)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	return cmd, addr, waitPort(addr)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func waitPort(addr string) error {
	for range 600 {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("nothing listens on %s", addr)
}

func kill(c *exec.Cmd) {
	if c == nil || c.Process == nil || c.ProcessState != nil {
		return
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = c.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		_ = c.Process.Kill()
		<-done
	}
}

// measure starts a target, warms it up, loads it and reads its cost.
func (h *harness) measure(t target) (measurement, error) {
	addr, err := freePort()
	if err != nil {
		return measurement{}, err
	}
	var cmd *exec.Cmd
	pid := h.backend.Process.Pid
	if t.command == nil {
		addr = h.backendAddr
	} else {
		cmd, err = t.command(addr)
		if err != nil {
			return measurement{}, err
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			return measurement{}, err
		}
		defer kill(cmd)
		if err := waitPort(addr); err != nil {
			return measurement{}, fmt.Errorf("%w\n%s", err, out.String())
		}
		pid = cmd.Process.Pid
	}
	url := "http://" + addr + "/api" + t.path
	if err := check(url); err != nil {
		return measurement{}, err
	}
	if _, err := h.load(url, 1); err != nil {
		return measurement{}, err
	}
	profiled := h.profile(t)
	before := cpuTime(pid)
	m, err := h.load(url, h.seconds)
	profiled()
	if err != nil {
		return m, err
	}
	// What is recorded in the background belongs to the cost of a request.
	time.Sleep(1500 * time.Millisecond)
	m.cpu = (cpuTime(pid) - before).Seconds() * 1e6 / (m.rps * h.seconds)
	m.rss = resident(pid)
	if t.after != nil {
		m.note = t.after(addr)
	}
	if t.stored != nil {
		kill(cmd)
		m.bytes = t.stored(m.note)
	}
	return m, nil
}

func check(url string) error {
	client := &http.Client{Timeout: 5 * time.Second}
	var last error
	for range 100 {
		resp, err := client.Get(url)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		last = err
		time.Sleep(100 * time.Millisecond)
	}
	return last
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkP99      = regexp.MustCompile(`99%\s+(\S+)`)
	wrkErrors   = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)|Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
)

func (h *harness) load(url string, seconds float64) (measurement, error) {
	var out []byte
	var err error
	if wrk, lookErr := exec.LookPath("wrk"); lookErr == nil && h.rate == 0 {
		out, err = exec.Command(wrk, "-t1", "-c", strconv.Itoa(h.connections), "-d", fmt.Sprintf("%.0fs", seconds), "--latency", url).CombinedOutput()
	} else {
		role := "load"
		if h.rate > 0 {
			role = "pace"
		}
		exe, exeErr := os.Executable()
		if exeErr != nil {
			return measurement{}, exeErr
		}
		out, err = exec.Command(exe, "-role", role, "-url", url, "-c", strconv.Itoa(h.connections), "-seconds", fmt.Sprint(seconds), "-rate", strconv.Itoa(h.rate)).CombinedOutput()
	}
	if err != nil {
		return measurement{}, fmt.Errorf("%w: %s", err, out)
	}
	m := wrkRequests.FindSubmatch(out)
	if m == nil {
		return measurement{}, errors.New("the load generator printed no request count: " + string(out))
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	result := measurement{rps: n / seconds}
	if p := wrkP99.FindSubmatch(out); p != nil {
		result.p99 = string(p[1])
	}
	for _, e := range wrkErrors.FindAllSubmatch(out, -1) {
		for _, g := range e[1:] {
			k, _ := strconv.Atoi(string(g))
			result.errors += k
		}
	}
	return result, nil
}

// cpuTime is user and system time of a process and its descendants, waited-for
// ones included.
func cpuTime(pid int) time.Duration {
	var total time.Duration
	for _, p := range append(descendants(pid), pid) {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p), "stat"))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		for _, i := range []int{11, 12, 13, 14} {
			ticks, _ := strconv.ParseInt(fields[i], 10, 64)
			total += time.Duration(ticks) * (time.Second / 100)
		}
	}
	return total
}

func descendants(pid int) []int {
	var out []int
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			out = append(append(out, child), descendants(child)...)
		}
	}
	return out
}

func resident(pid int) int64 {
	var total int64
	for _, p := range append(descendants(pid), pid) {
		statm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p), "statm"))
		if err != nil {
			continue
		}
		pages, _ := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
		total += pages * int64(os.Getpagesize())
	}
	return total
}

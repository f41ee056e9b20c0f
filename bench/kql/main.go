// Command kql measures what KQL queries over many requests take.
//
// What comes in: how many requests to make. What goes out: a table of times,
// memory and bytes. It must never leave data behind: all of it is in a
// temporary folder.
//
// The rows go through the lake's own writer, with a clock that runs a day in a
// few minutes, so that its files are what a day leaves behind. The queries run
// in a process of their own: its memory is the engine's.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	requests := flag.Int("requests", 10_000_000, "requests of one day")
	dir := flag.String("dir", "", "folder under which the data is made and removed; empty: the system's")
	keep := flag.String("keep", "", "a folder with a day that is made when absent, and stays: to measure again")
	ask := flag.String("ask", "", "used by the program itself: a folder to query")
	end := flag.Int64("end", 0, "used by the program itself: end of the day, in Unix seconds")
	threads := flag.Int("threads", 0, "of one query; 0: the gateway's default")
	show := flag.Bool("sql", false, "print the plan of each query")
	only := flag.String("only", "", "ask only the questions whose name has this text in it")
	flag.Parse()
	var err error
	switch {
	case *ask != "":
		err = query(*ask, time.Unix(*end, 0), *requests, *threads, *only, *show)
	default:
		err = run(*requests, *dir, *keep, *threads, *only, *show)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/kql:", err)
		os.Exit(1)
	}
}

// run makes a day and asks in another process.
func run(requests int, under, keep string, threads int, only string, show bool) error {
	folder := keep
	if keep == "" {
		made, err := os.MkdirTemp(under, "gatehouse-kql-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(made)
		folder = made
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	end := time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)
	if entries, err := os.ReadDir(folder); err != nil || len(entries) == 0 {
		if err := fill(folder, end, requests, stop); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.Command(self, "-ask", folder, "-end", strconv.FormatInt(end.Unix(), 10), "-requests", strconv.Itoa(requests), "-threads", strconv.Itoa(threads), "-only", only, "-sql="+strconv.FormatBool(show))
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	return child.Run()
}

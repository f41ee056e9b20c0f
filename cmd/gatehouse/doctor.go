package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// doctorCommand asks a running Gatehouse why telemetry may be missing, and fails
// when there is a cause.
func doctorCommand(args []string, out io.Writer) error {
	set := flag.NewFlagSet("doctor", flag.ContinueOnError)
	address := set.String("url", "http://127.0.0.1:9080", "monitor door")
	tokenFile := set.String("token-file", "", "file with the admin token or another one")
	caFile := set.String("ca-file", "", "authority of the door, ca/ca.crt of the data folder")
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() > 0 {
		return errors.New("usage: gatehouse doctor [--url URL] [--token-file FILE] [--ca-file FILE]")
	}
	client := &http.Client{Timeout: 30 * time.Second}
	if *caFile != "" {
		data, err := os.ReadFile(*caFile)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(data) {
			return fmt.Errorf("%s holds no PEM certificate", *caFile)
		}
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}}
	}
	req, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(*address, "/")+"/api/doctor", nil)
	if err != nil {
		return err
	}
	if *tokenFile != "" {
		data, err := os.ReadFile(*tokenFile)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(data)))
	}
	return printDiagnosis(client, req, out)
}

func printDiagnosis(client *http.Client, req *http.Request, out io.Writer) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s: is it a monitor door, and the token one that may ask?", req.URL.Host, resp.Status)
	}
	var answer struct {
		Findings []struct {
			Cause, Subject, Detail string
			Count                  int64
		}
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4<<20)).Decode(&answer); err != nil {
		return fmt.Errorf("the answer cannot be read: %w", err)
	}
	if len(answer.Findings) == 0 {
		_, err := fmt.Fprintln(out, "nothing is known that keeps telemetry out")
		return err
	}
	for _, f := range answer.Findings {
		times := ""
		if f.Count > 0 {
			times = fmt.Sprintf(" (%d times)", f.Count)
		}
		fmt.Fprintf(out, "%s: %s: %s%s\n", f.Cause, f.Subject, f.Detail, times)
	}
	return fmt.Errorf("%d causes found", len(answer.Findings))
}

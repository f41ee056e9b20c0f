package server

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestArchiveSettings(t *testing.T) {
	bucket := func(endpoint string) ArchiveConfig {
		return ArchiveConfig{S3: BucketConfig{Endpoint: endpoint, Bucket: "b"}}
	}
	for want, c := range map[string]ArchiveConfig{
		"not both": {Folder: "x", S3: BucketConfig{Bucket: "b"}}, "bucket is missing": {S3: BucketConfig{Endpoint: "https://s3"}}, "interval": {Interval: -1},
		"use https": bucket("http://s3.example.com"), "endpoint \"\"": bucket(""), "endpoint \"s3": bucket("s3.example.com"),
	} {
		if err := c.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, c := range []ArchiveConfig{{}, {Folder: "x"}, bucket("https://s3.example.com"), bucket("http://127.0.0.1:9000"), bucket("http://localhost")} {
		if err := c.check(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	config := DefaultConfig()
	if err := ListArchive(t.Context(), config, ArchiveRequest{To: time.Now()}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "no archive") {
		t.Error(err)
	}
	config.Archive.Folder = t.TempDir()
	var out bytes.Buffer
	if err := ListArchive(t.Context(), config, ArchiveRequest{To: time.Now()}, &out); err != nil || out.String() != "0 blocks\n" {
		t.Errorf("%q %v", &out, err)
	}
}

package conformance

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/workbench/stage"
)

// hardest are the published documents with the widest expressions of their
// kind, each with a request that goes through most of it.
var hardest = []struct {
	name, file, method, url, body string
	fragment                      bool
	header                        http.Header
	variables                     map[string]any
	answer                        string
}{
	{name: "signed table address", file: "policy-snippets/examples/Generate Shared Access Signature and forward request to Azure storage.policy.xml", method: "GET", url: "/a?top=5"},
	{name: "AWS signature", file: "ai-gateway/labs/aws-bedrock/policy.xml", method: "POST", url: "/model/m:0/invoke?a=1", body: `{"max_tokens":5}`,
		header: http.Header{"Content-Type": {"application/json"}}},
	{name: "signed blob address", file: "apim-samples/samples/secure-blob-access/apim-policies/pf-create-sas-token.xml", fragment: true, method: "GET", url: "/b",
		variables: map[string]any{"storageAccount": "acc", "containerName": "c", "blobName": "b"},
		answer:    "<UserDelegationKey><SignedOid>o</SignedOid><SignedTid>t</SignedTid><Value>MDEyMzQ1Njc4OWFiY2RlZg==</Value></UserDelegationKey>"},
	{name: "four calls joined", file: "policy-snippets/examples/Backend for Frontend or curated API policy.xml", method: "GET", url: "/a", answer: `{"n":1}`},
	{name: "address ranges", file: "policy-snippets/examples/Filter on IP Address when using Application Gateway.policy.xml", method: "GET", url: "/a",
		header: http.Header{"X-Forwarded-For": {"192.168.7.1:8080"}}},
}

// BenchmarkHardest runs each from the parsed request to the whole response,
// record and routing included; what is outside answers at once.
func BenchmarkHardest(b *testing.B) {
	root := filepath.Join("..", "..", "..", "shared", "corpus", "policies", "valid")
	for _, one := range hardest {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(one.file)))
		if err != nil {
			b.Skipf("no corpus at hand: %v", err)
		}
		b.Run(one.name, func(b *testing.B) {
			f := policyFile{"", apim.Document{File: one.file, Text: string(text)}}
			source := stage.Source{Policy: &f.Document}
			if one.fragment {
				source.Policy = &apim.Document{File: "policy.xml", Text: `<policies><inbound><include-fragment fragment-id="f"/></inbound><backend><base/></backend></policies>`}
				source.Fragments = []apim.Document{{File: "f.xml", Text: f.Text}}
			}
			seen := map[string]bool{}
			for _, m := range reference.FindAllStringSubmatch(f.Text, -1) {
				if seen[m[1]] {
					continue
				}
				seen[m[1]] = true
				source.NamedValues = append(source.NamedValues, apim.NamedValue{ID: m[1], Name: m[1], Value: plausible(f.Text, m[1])})
			}
			service, err := source.Load()
			if err != nil {
				b.Fatal(err)
			}
			s, err := stage.New(service, stage.Options{Network: func(stage.Call) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, ContentLength: int64(len(one.answer)),
					Body: io.NopCloser(bytes.NewReader([]byte(one.answer)))}, nil
			}})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			u, err := url.Parse("https://gateway.example" + one.url)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				header := one.header.Clone()
				if header == nil {
					header = http.Header{}
				}
				out := s.Run(stage.Play{Request: stage.Request(one.method, u, header, []byte(one.body), "192.0.2.1"), Begin: func(c *policy.Context) {
					c.Services.Tokens = sameToken{}
					for name, value := range one.variables {
						c.Variables.Set(name, value)
					}
				}})
				if out.Status >= 500 {
					b.Fatalf("%d %s %+v", out.Status, out.Body, out.LastError)
				}
			}
		})
	}
}

// sameToken is every managed identity.
type sameToken struct{}

func (sameToken) Token(context.Context, string, string) (string, error) { return "token", nil }

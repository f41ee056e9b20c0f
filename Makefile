# The words of a working day; CI runs the same ones.
SHELL := /bin/bash
BIN := bin/gatehouse
GO_FILES := $(shell find cmd internal web bench -name '*.go' -not -path '*/node_modules/*' 2>/dev/null)
FUZZ_TIME ?= 10s

.PHONY: run build web test fmt vet lint unit race house web-test e2e fuzz-short fuzz-long bench bench-kql bench-metrics speed conformance clean

run: build ## build everything and start the demo
	$(BIN) demo

build: web $(BIN)

$(BIN): $(GO_FILES) go.mod web/dist/index.html
	go build -trimpath -ldflags '-s -w' -o $@ ./cmd/gatehouse

web: web/dist/index.html

web/dist/index.html: web/package-lock.json $(shell find web/src web/index.html web/vite.config.ts -type f 2>/dev/null)
	cd web && npm ci --no-audit --no-fund && npm run build

test: fmt vet lint web unit web-test ## everything but browser, real clients and bench

fmt:
	@test -z "$$(gofmt -l cmd internal test bench web/*.go)" || { echo "gofmt would change:"; gofmt -l cmd internal test bench web/*.go; exit 1; }

vet:
	go vet ./...

lint:
	go tool staticcheck ./...

unit:
	go test -vet=off $$(go list ./... | grep -vE 'test/(e2e|conformance)')

race:
	go test -race -short -vet=off ./internal/... ./test ./web

web-test: web
	cd web && npm run lint && npm test

e2e: build ## the built binary in a browser
	GATEHOUSE_BIN=$(CURDIR)/$(BIN) go test -count=1 ./test/e2e
	./test/browser.sh $(BIN)

fuzz-short:
	FUZZ_TIME=$(FUZZ_TIME) ./test/fuzz.sh

LONG_TIME ?= 30m

fuzz-long: ## scanner, document, XML model, expression parser and evaluator, one after the other
	FUZZ_TIME=$(LONG_TIME) FUZZ_PARALLEL=1 FUZZ_ONLY='policy FuzzScan|policy FuzzParse|policy/xmldoc FuzzParse|expr FuzzCompile|expr FuzzRun' ./test/fuzz.sh

conformance: ## compare with what was not written here: NAME passed/total
	@set -o pipefail; go test -count=1 -vet=off -timeout 20m -v ./test/conformance/... 2>&1 | tee conformance.log | grep -E '^[A-Za-z][/A-Za-z0-9-]* [0-9]+/[0-9]+$$|^ *--- FAIL|^FAIL|panic' \
	|| { echo 'what the failed tests said:'; awk '/=== (RUN|CONT)/ {t = $$3} /_test\.go:[0-9]+: / {said[t] = said[t] "\n" $$0} /--- FAIL:/ {print $$3 said[$$3]}' conformance.log; exit 1; }

bench: build ## cost of the gateway beside its peers
	go test -run "^$$" -bench "TenStatements" ./internal/policy
	go test -run "^$$" -bench "TypicalCondition|StringKey" ./internal/policy/expr
	go run ./bench

KQL_REQUESTS ?= 10000000

bench-kql: ## KQL over a day of 10 million requests: times, memory, bytes; takes some minutes and 2 GiB in a folder that is removed
	go run ./bench/kql -requests $(KQL_REQUESTS)

bench-metrics: build ## samples, memory, queries and rules beside a stock Prometheus of the same version; takes some minutes and 4 GiB
	go test -run '^$$' -bench BenchmarkMetrics -cpu 1 ./internal/ingest
	go run ./bench/metrics

speed: ## what statements and expressions cost: docs/reference/speed.md
	go test -run '^$$' -bench 'Statement|Expression|Compile1000|Hardest' -benchtime 300ms ./internal/policy/expr ./internal/policy/statement ./test/conformance | tee /dev/stderr | go run ./bench/speed > docs/reference/speed.new
	mv docs/reference/speed.new docs/reference/speed.md

clean:
	rm -rf bin web/dist web/node_modules

#!/usr/bin/env bash
# Starts the demo on ports of its own and drives the console in Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(realpath "$1")
port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
gateway=$(port) monitor=$(port) otlp=$(port)
"$binary" demo --listen-gateway "127.0.0.1:$gateway" --listen-gateway-tls "" --listen-monitor "127.0.0.1:$monitor" --listen-monitor-tls "" \
  --listen-otlp-http "127.0.0.1:$otlp" --listen-otlp-grpc "" &
demo=$!
trap 'kill $demo 2>/dev/null; wait $demo 2>/dev/null || true' EXIT
start=$SECONDS
until curl -sf "http://127.0.0.1:$monitor/api/traces/search?limit=1" | grep -q '"trace_id"'; do
  if ! kill -0 $demo 2>/dev/null; then echo "the demo ended"; exit 1; fi
  if ((SECONDS - start > 60)); then echo "no trace within 60 s"; exit 1; fi
  sleep 0.5
done
echo "first trace visible after $((SECONDS - start)) s"
cd web
GATEHOUSE_URL="http://127.0.0.1:$monitor" npm run --silent e2e
awk '/VmHWM/ {printf "the demo used at most %d MiB\n", $2/1024}' "/proc/$demo/status"

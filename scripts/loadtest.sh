#!/usr/bin/env bash
# `make loadtest`: storm, idle, connect and an overload against an optimised server on data of its own, one after the other.
# Reports go to target/loadtest/, a table to the terminal. Wants the machine for itself, and an open-files limit of 20,000.
#   ONLY="storm idle"   a choice of the four
#   VIEWERS=10000 CONNECTIONS=15000 RATE=50/s SECONDS_OF_CONNECTS=60 OVERLOAD=200/s   their sizes
#   TLS=1               over TLS, with a certificate made for the run
set -uo pipefail
. "$(dirname "$0")/common.sh"

PICKED=${ONLY:-storm idle connect overload}
OUT=$ROOT/target/loadtest
SERVER=$ROOT/target/demo/sightline
TOOL=$ROOT/target/demo/sightline-loadtest
PORT=${LOADTEST_PORT:-18480}
URL=http://127.0.0.1:$PORT
SERVER_ARGS=() TOOL_ARGS=()
WORK=$(mktemp -d)
SERVER_PID=''

end() {
  stop_server
  rm -rf "$WORK"
}
trap end EXIT
trap 'exit 130' INT TERM

stop_server() {
  [ -n "$SERVER_PID" ] || return 0
  kill "$SERVER_PID" 2>/dev/null
  wait "$SERVER_PID" 2>/dev/null
  SERVER_PID=''
}

# start_server NAME: a new server on new data, so that no run stands on the memory or the tickets of another.
start_server() {
  local data=$WORK/$1
  stop_server
  cat >"$WORK/config.toml" <<TOML
[limits]
sockets_max = 19000
TOML
  "$SERVER" serve --config "$WORK/config.toml" --port "$PORT" --data "$data" "${SERVER_ARGS[@]}" >"$OUT/$1.server.out" 2>"$OUT/$1.server.log" &
  SERVER_PID=$!
  for _ in $(seq 200); do
    if grep -q '^listening on' "$OUT/$1.server.out" 2>/dev/null && [ -s "$data/api-key" ]; then
      SIGHTLINE_API_KEY=$(cat "$data/api-key")
      export SIGHTLINE_API_KEY
      return 0
    fi
    kill -0 "$SERVER_PID" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$OUT/$1.server.log" >&2
  fail "The server did not start."
}

WORST=0
ROWS=()

# load NAME WORDS SCENARIO OPTIONS…: one run on a server of its own.
load() {
  local name=$1 words=$2 code=0
  shift 2
  start_server "$name"
  say "▸ $words"
  "$TOOL" "$@" --url "$URL" "${TOOL_ARGS[@]}" --json "$OUT/$name.json" --html "$OUT/$name.html" >"$OUT/$name.txt" 2>"$OUT/$name.err" || code=$?
  [ "$code" -eq 130 ] && exit 130
  [ "$code" -gt "$WORST" ] && WORST=$code
  case $code in
    0) note "held" ;;
    1) note "a condition fell:"; grep -h 'FELL\|saturated' "$OUT/$name.err" | sort -u | sed 's/^/    /' ;;
    *) note "could not run:"; sed 's/^/    /' "$OUT/$name.err" ;;
  esac
  ROWS+=("$name")
  stop_server
}

# The overload has to be refused with words, and who comes five seconds later has to be served.
overload() {
  local status=0
  start_server overload
  say "▸ overload: ${OVERLOAD:-200/s} connects for 20 s, then 5 s of rest, then 5/s again"
  "$TOOL" connect --url "$URL" "${TOOL_ARGS[@]}" --mode warm --arrivals "${OVERLOAD:-200/s}" --duration 20s \
    --json "$OUT/overload.json" --html "$OUT/overload.html" >"$OUT/overload.txt" 2>"$OUT/overload.err" || status=$?
  note "during it: exit code $status; what was refused, and how long the others waited from their intended start:"
  grep -h '^error:\|^warm.total\|generator CPU' "$OUT/overload.txt" | sed 's/^/    /'
  sleep 5
  status=0
  "$TOOL" connect --url "$URL" "${TOOL_ARGS[@]}" --mode warm --arrivals 5/s --duration 10s --assert 'errors.total==0' \
    --json "$OUT/recovered.json" --html "$OUT/recovered.html" >"$OUT/recovered.txt" 2>"$OUT/recovered.err" || status=$?
  if [ "$status" -eq 0 ]; then note "recovered: everybody who came after 5 s was served"
  else note "NOT recovered after 5 s:"; sed 's/^/    /' "$OUT/recovered.err"; fi
  [ "$status" -gt "$WORST" ] && WORST=$status
  ROWS+=(overload recovered)
  stop_server
}

table() {
  node - "$OUT" "$@" <<'JS'
const { readFileSync } = require('node:fs');
const [out, ...names] = process.argv.slice(2);
const ms = (row, key) => (row ? `${row[key].toFixed(row[key] < 10 ? 1 : 0)} ms` : '-');
for (const name of names) {
  let r;
  try { r = JSON.parse(readFileSync(`${out}/${name}.json`, 'utf8')); } catch { console.log(`${name}: no report`); continue; }
  const p = r.phases ?? {}, f = r.figures ?? {}, t = r.totals ?? {};
  const failed = Object.values(r.errors ?? {}).reduce((sum, n) => sum + n, 0);
  const own = {
    storm: () => [`hello p99 ${ms(p['storm.hello'], 'p99')}`, `place p99 ${ms(p['storm.place'], 'p99')}`, `unserved ${t.unserved}`, `lost ${t.lost_connections}`, `residents slowed ${f.resident_slowdown?.toFixed(1)}×`],
    idle: () => [`open ${t.completed}`, `lost ${t.lost_connections}`, `${((f.rss_bytes_per_connection ?? NaN) / 1024).toFixed(1)} KiB each from a third to all (RSS ${['before', 'at_a_third', 'at_all'].map((at) => ((f[`rss_bytes_${at}`] ?? NaN) / 2 ** 20).toFixed(0)).join(', ')} MiB)`, `CPU ${f.idle_cpu_percent?.toFixed(1)} % of a core`],
  };
  const usual = () => ['cold', 'warm'].filter((mode) => p[`${mode}.total`]).map((mode) => `${mode} p50/p95/p99 ${['p50', 'p95', 'p99'].map((k) => ms(p[`${mode}.total`], k)).join(' / ')}`);
  console.log(`${name.padEnd(10)} ${[...(own[name] ?? usual)(), `completed ${t.completed}`, `failed ${failed}`].join(', ')}`);
}
JS
}

need_toolchains
mkdir -p "$OUT"
hard=$(ulimit -Hn)
[ "$hard" = unlimited ] || [ "$hard" -ge 19500 ] || note "the limit of open files is $hard: 15,000 connections and 10,000 viewers need 20,000 (ulimit -Hn)"
[ -d web-demo/dist ] || build_web || fail "The web pages could not be built."
step "build the server (optimised)" cargo build --locked --profile demo --package sightline --bin sightline || exit 2
step "build the load test (optimised)" cargo build --locked --profile demo --package sightline-loadtest || exit 2
if [ -n "${TLS:-}" ]; then
  command -v openssl >/dev/null || fail "TLS=1 needs openssl for its certificate."
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1 -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>/dev/null || fail "openssl made no certificate."
  URL=https://127.0.0.1:$PORT SERVER_ARGS=(--tls-cert "$WORK/cert.pem" --tls-key "$WORK/key.pem") TOOL_ARGS=(--ca "$WORK/cert.pem")
fi
for scenario in $PICKED; do
  case $scenario in
    storm) load storm "storm: ${VIEWERS:-10000} viewers within 10 s" storm --viewers "${VIEWERS:-10000}" --within 10s --assert 'storm.hello.p99<=3s' ;;
    idle) load idle "idle: ${CONNECTIONS:-15000} connections${TLS:+, over TLS}" idle --connections "${CONNECTIONS:-15000}" --hold 60s \
      --assert 'figures.rss_bytes_per_connection<=20480' --assert 'figures.idle_cpu_percent<=3' ;;
    connect) load connect "connect: ${RATE:-50/s} for ${SECONDS_OF_CONNECTS:-60} s, cold and warm" connect --mode both --arrivals "${RATE:-50/s}" --duration "${SECONDS_OF_CONNECTS:-60}s" --assert 'errors.total==0' ;;
    overload) overload ;;
    *) fail "There is no run called $scenario; ONLY takes storm, idle, connect, overload." ;;
  esac
done
say "reports: target/loadtest/"
table "${ROWS[@]}"
exit "$WORST"

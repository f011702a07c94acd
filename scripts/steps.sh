# shellcheck shell=bash
# The checks that `make check` and `make test` share, and the count of tests. Sourced after common.sh.

LOGS=target/logs
PASSED=0 FAILED=0 SKIPPED=0 BROKEN=()
mkdir -p "$LOGS"

# check NAME COMMAND…: a step without tests to count; when it fails, it counts as one failed test and the rest goes on.
check() {
  local name=$1
  step "$@" || { FAILED=$((FAILED + 1)); BROKEN+=("$name"); }
}

# counted NAME COUNTER COMMAND…: a step of a test runner; COUNTER prints "passed failed skipped" from the log.
counted() {
  local name=$1 counter=$2 status=0 passed failed skipped log
  shift 2
  log="$LOGS/$(printf '%s' "$name" | tr -c 'a-z0-9\n' '-').log"
  step "$name" logged "$log" "$@" || status=$?
  read -r passed failed skipped < <("$counter" "$log")
  # A runner that failed without a failed test did not get as far as its tests.
  if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
  if [ "$status" -eq 0 ] && [ "$((passed + failed))" -eq 0 ]; then failed=1 status=1; note "no test ran: that is a failure"; fi
  [ "$status" -ne 0 ] && BROKEN+=("$name")
  PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
}

logged() {
  local log=$1
  shift
  "$@" 2>&1 | tee "$log"
  return "${PIPESTATUS[0]}"
}

# `test result: ok. 14 passed; 0 failed; 0 ignored; …`, one line a binary.
count_cargo() {
  awk '/^test result:/ { for (i = 1; i < NF; i++) { if ($(i+1) ~ /^passed/) p += $i; if ($(i+1) ~ /^failed/) f += $i; if ($(i+1) ~ /^ignored/) s += $i } } END { print p+0, f+0, s+0 }' "$1"
}

count_vitest() {
  node -e 'try { const r = JSON.parse(require("fs").readFileSync("target/logs/vitest.json", "utf8")); console.log(r.numPassedTests, r.numFailedTests, r.numPendingTests + r.numTodoTests); } catch { console.log("0 0 0"); }'
}

count_playwright() {
  node -e 'try { const { stats } = JSON.parse(require("fs").readFileSync("target/logs/playwright.json", "utf8")); console.log(stats.expected + stats.flaky, stats.unexpected, stats.skipped); } catch { console.log("0 0 0"); }'
}

vitest() {
  rm -f target/logs/vitest.json
  npm test --silent --prefix web-demo -- --reporter=default --reporter=json --outputFile.json="$ROOT/target/logs/vitest.json"
}

# Format, lints, the house's own rules, the web's types and lints.
static_checks() {
  rust_component rustfmt cargo fmt --version
  rust_component clippy cargo clippy --version
  check "rustfmt" cargo fmt --all --check
  check "tidy (who may know whom, file openings, lengths, generated TypeScript)" cargo xtask tidy
  check "web: types and lints" npm run --silent --prefix web-demo check
  check "clippy" cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
}

# The closing line, and the status for the caller.
finish() {
  if [ ${#BROKEN[@]} -gt 0 ]; then
    printf '%s\n' "${RED}Not in order:${PLAIN}"
    printf '  %s\n' "${BROKEN[@]}"
  fi
  note "took $SECONDS s"
  printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
  [ "$FAILED" -eq 0 ] && [ ${#BROKEN[@]} -eq 0 ] && [ "$PASSED" -gt 0 ]
}

#!/usr/bin/env bash
# Runs every fuzz target for SECONDS_EACH (default 15; `make fuzz SECONDS_EACH=3600` for a night). What crashes is kept in
# fuzz/artifacts/; inputs that reach something new are kept in target/fuzz/corpus, and `MERGE=1` takes them into fuzz/corpus.
set -euo pipefail
. "$(dirname "$0")/common.sh"

SECONDS_EACH=${SECONDS_EACH:-15}
need_toolchains
mkdir -p target/fuzz fuzz/artifacts
export RUSTC_WORKSPACE_WRAPPER="$ROOT/scripts/fuzz-rustc.sh"
step "build the fuzz targets" cargo build --quiet --locked --package sightline-fuzz --bins
failed=0
for target in ws-message sdp-offer datagram telemetry-block segment picture measurement-file; do
  mkdir -p "target/fuzz/corpus/$target"
  log="target/fuzz/$target.log"
  say "▸ fuzz $target"
  if "target/debug/fuzz-$target" "target/fuzz/corpus/$target" "fuzz/corpus/$target" -max_total_time="$SECONDS_EACH" \
    -timeout=10 -rss_limit_mb=1024 -artifact_prefix="fuzz/artifacts/$target-" -print_final_stats=1 >"$log" 2>&1; then
    note "$(awk '/stat::number_of_executed_units/ { print $2 " inputs" }' "$log"), $(grep -o 'cov: [0-9]*' "$log" | tail -1)"
    echo "test fuzz $target ... ok"
  else
    failed=$((failed + 1))
    tail -30 "$log"
    echo "test fuzz $target ... FAILED"
  fi
  if [ -n "${MERGE:-}" ]; then "target/debug/fuzz-$target" -merge=1 "fuzz/corpus/$target" "target/fuzz/corpus/$target" >>"$log" 2>&1; fi
done
echo "test result: $((7 - failed)) passed; $failed failed; 0 ignored;"
[ "$failed" -eq 0 ]

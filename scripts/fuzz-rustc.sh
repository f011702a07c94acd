#!/bin/sh
# RUSTC_WORKSPACE_WRAPPER of scripts/fuzz.sh: our own crates are compiled with the counters that libFuzzer steers by. The
# flags are those of LLVM's sanitizer coverage, which the stable compiler passes on.
rustc=$1
shift
exec "$rustc" "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=16 -Cdebug-assertions=on

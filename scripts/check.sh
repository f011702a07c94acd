#!/usr/bin/env bash
# `make check`: what is quick enough to run before every commit.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/steps.sh"

need_toolchains
npm_install web-demo
static_checks
counted "web unit tests" count_vitest vitest
counted "rust unit tests" count_cargo cargo test --quiet --locked --workspace --exclude sightline-fuzz --lib --bins --no-fail-fast
finish

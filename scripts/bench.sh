#!/usr/bin/env bash
# `make bench`: the benches. Figures of one machine say little; compare the ratios that each prints.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_toolchains
say "Benches (release build; pass names in ARGS= to choose)"
# shellcheck disable=SC2086
cargo bench --locked --workspace --benches ${ARGS:-}

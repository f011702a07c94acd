#!/usr/bin/env bash
# `make bench`: the benches. Figures of one machine say little; compare the ratios that each prints.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_toolchains
say "Benches (built as a release; the first time that takes as long as one)"
cargo bench --locked --package sightline-media --bench forward
cargo bench --locked --package sightline --bench timeline

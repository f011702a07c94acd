#!/usr/bin/env bash
# `make demo`: builds the server and its pages alone (no load test, no tests) and runs the demo.
set -euo pipefail
. "$(dirname "$0")/common.sh"

PORT=${PORT:-8080}
DATA=${DATA:-data/demo}
started=$SECONDS

if [ ! -x target/demo/sightline ]; then
  say "Sightline demo: the first start compiles the server, some five to ten minutes on two cores; later ones take seconds."
  note "needs: Rust, Node.js, a C compiler. Puts things only into web-demo/node_modules, web-demo/dist, target and $DATA."
fi
need_toolchains
build_web
step "build the server" cargo build --locked --profile demo --package sightline --bin sightline
note "ready after $((SECONDS - started)) s; the data is in $DATA (make clean-data forgets it)"

arguments=(serve --demo --port "$PORT" --data "$DATA")
[ -n "${LAN:-}" ] && [ "${LAN:-0}" != 0 ] && arguments+=(--lan)
exec target/demo/sightline "${arguments[@]}"

#!/usr/bin/env bash
# `make connect-time`: connects in real browsers over a network laboratory, into docs/connect-time.md. Wants the machine for itself.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_toolchains
apt_needs "browsers are measured in network namespaces" chromium=chromium iproute2=ip util-linux=nsenter
build_web
step "build the server" cargo build --locked --profile demo --package sightline --bin sightline
step "build the laboratory" cargo build --locked --profile demo --package sightline-netlab
npm_install tests/browser
export SIGHTLINE_BIN="$ROOT/target/demo/sightline" NETLAB_BIN="$ROOT/target/demo/netlab"
cd tests/browser && exec npx playwright test --config playwright.bench.config.ts

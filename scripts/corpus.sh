#!/usr/bin/env bash
# `make corpus`: records the runs of the diagnosis corpus that are missing and writes docs/diagnosis-corpus.md anew.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_toolchains
apt_needs "runs are recorded in Chromium, in network namespaces, with contents made by ffmpeg" \
  chromium=chromium ffmpeg=ffmpeg iproute2=ip util-linux=nsenter curl=curl openssl=openssl
build_web
step "build the server" cargo build --locked --package sightline --bin sightline
step "build the laboratory" cargo build --locked --profile demo --package sightline-netlab
npm_install tests/browser
export NETLAB_BIN="$ROOT/target/demo/netlab" CORPUS_COMMIT
CORPUS_COMMIT=$(git rev-parse --short=10 HEAD)
step "runs without a call" npm run --silent --prefix tests/diagnosis record -- --n "${N:-240}" --seats "${SEATS:-3}"
step "runs in a call" npm run --silent --prefix tests/diagnosis record -- --families calls --n "${CALLS:-126}" --seats 2
UPDATE=1 step "replay" cargo test --locked -p sightline-diagnosis --test corpus -- --nocapture

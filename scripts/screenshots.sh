#!/usr/bin/env bash
# `make screenshots`: runs the browser tests that photograph widget and console into docs/img/.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_toolchains
apt_needs "the pictures are taken in Chromium, and show Chinese" \
  chromium=chromium "fonts-noto-cjk=/usr/share/fonts/opentype/noto/NotoSansCJK*"
build_web
step "build the server" cargo build --quiet --locked --package sightline --bin sightline
npm_install tests/browser
cd tests/browser
CHROMIUM="${CHROMIUM:-/usr/bin/chromium}" SIGHTLINE_BIN="$ROOT/target/debug/sightline" SIGHTLINE_SCREENSHOTS=1 \
  npx --no-install playwright test screenshots

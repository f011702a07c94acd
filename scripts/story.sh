#!/usr/bin/env bash
# `make story`: films the story of the README into docs/img/, with the phone's and the other screenshots beside it.
set -euo pipefail
. "$(dirname "$0")/common.sh"

need_toolchains
apt_needs "the film is made in Chromium and cut by ffmpeg" chromium=chromium ffmpeg=ffmpeg \
  "fonts-dejavu-core=/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
bash scripts/screenshots.sh
cd tests/browser
CHROMIUM="${CHROMIUM:-/usr/bin/chromium}" SIGHTLINE_BIN="$ROOT/target/debug/sightline" BENCH='*.record.ts' \
  npx --no-install playwright test --config playwright.bench.config.ts

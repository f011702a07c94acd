#!/usr/bin/env bash
# `make test`: all of it, as CI runs it. Goes on after a failure, counts the tests of every runner, and closes with one
# line: N passed, N failed, N skipped.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/steps.sh"

# cargo-deny is compiled without optimisation: that takes two minutes instead of six, and a run of it a second more.
need_cargo_deny() {
  command -v cargo-deny >/dev/null && return 0
  say "Installing cargo-deny by cargo (into ${CARGO_HOME:-$HOME/.cargo}/bin; about two minutes)"
  note "why: it checks licences, sources and bans of what we depend on"
  step "cargo install cargo-deny" cargo install --quiet --locked --debug cargo-deny
}

rust_docs() {
  RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --workspace --no-deps
}

browser_tests() {
  rm -f target/logs/playwright.json
  (cd tests/browser && CHROMIUM="${CHROMIUM:-/usr/bin/chromium}" SIGHTLINE_BIN="$ROOT/target/debug/sightline" \
    PLAYWRIGHT_JSON_OUTPUT_NAME="$ROOT/target/logs/playwright.json" npx --no-install playwright test --reporter=list,json "$@")
}

need_toolchains
apt_needs "browser tests run in Chromium and, on a virtual display, in Firefox and WebKitGTK, and over a certificate made by openssl; storage tests run on PostgreSQL too; a test traces system calls; another shapes a network; ffmpeg makes what the diagnosis corpus streams; the fonts show Chinese" \
  chromium=chromium firefox-esr=firefox-esr webkit2gtk-driver=WebKitWebDriver xvfb=Xvfb openssl=openssl "postgresql=/usr/lib/postgresql/*/bin/initdb" strace=strace iproute2=ip ffmpeg=ffmpeg curl=curl \
  "fonts-noto-cjk=/usr/share/fonts/opentype/noto/NotoSansCJK*"
check "cargo-deny is there" need_cargo_deny
check "web pages" build_web
static_checks
check "licences, bans, sources" cargo deny --locked check --hide-inclusion-graph bans licenses sources
check "documentation" rust_docs
counted "web unit tests" count_vitest vitest
counted "rust tests" count_cargo cargo test --locked --workspace --no-fail-fast
counted "fuzz targets" count_cargo env SECONDS_EACH=6 bash scripts/fuzz.sh
check "browser tests: packages" npm_install tests/browser
check "browser tests: types" npm run --silent --prefix tests/browser typecheck
counted "browser tests that mostly wait" count_playwright browser_tests --grep @waits --workers 3 --fully-parallel
counted "browser tests" count_playwright browser_tests --grep-invert "@waits|@each"
finish

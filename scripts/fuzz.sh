#!/usr/bin/env bash
# `./alfred fuzz [<target> [<file> ...]] [--seconds <n>] [--keep]`: runs hostile inputs through the crate awscli. Each
# target, or the named one, runs its corpus and then what libFuzzer makes of it, for n seconds (10). With files, only
# those are run, one after the other. --keep then makes the corpus anew out of all that was found, as small as it can be.
#
# Rust's stable compiler counts coverage too, so this needs neither cargo-fuzz nor nightly. The targets are laid out as
# cargo-fuzz wants them: with it installed, `cargo fuzz run -s none <target>` from awscli/ runs them as well.
set -euo pipefail
cd "$(dirname "$0")/.."
fuzz=awscli/fuzz

fail() { printf 'fuzz: %s\n' "$*" >&2; exit 1; }

# Nothing takes longer but on a machine that does much else.
TIMEOUT=30
# More than the targets allow themselves (MEMORY_BYTES), since libFuzzer and its corpus need some.
MEMORY_MB=768
# A thread's stack by default, a quarter of a process's: what nests too deeply is found sooner.
STACK_KB=2048

target='' seconds=10 keep='' files=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=${2:-}; shift ;;
    --seconds=*) seconds=${1#*=} ;;
    --keep) keep=yes ;;
    -*) fail "there is no option '$1': --seconds <n>, --keep" ;;
    *) if [ -z "$target" ]; then target=$1; else files+=("$(realpath "$1")"); fi ;;
  esac
  shift
done
case $seconds in '' | *[!0-9]*) fail "--seconds takes a number, not '$seconds'" ;; esac
mapfile -t targets < <(basename -s .rs "$fuzz"/fuzz_targets/*.rs)
if [ -n "$target" ]; then
  [ -e "$fuzz/fuzz_targets/$target.rs" ] || fail "there is no target '$target': ${targets[*]}"
  targets=("$target")
fi
type -P "${CXX:-c++}" >/dev/null ||
  fail "a C++ compiler is missing, which libFuzzer is made with: install g++ (Debian: apt-get install g++) or clang"

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
started=$SECONDS
RUSTC_WRAPPER=$PWD/$fuzz/rustc-counted cargo build --locked --manifest-path $fuzz/Cargo.toml --bins
printf 'fuzz: built in %d s\n' $((SECONDS - started))
ulimit -s $STACK_KB

status=0
for target in "${targets[@]}"; do
  program=$CARGO_TARGET_DIR/debug/$target
  corpus=$fuzz/corpus/$target
  found=$CARGO_TARGET_DIR/fuzz/$target
  crashes=$fuzz/artifacts/$target
  mkdir -p "$corpus" "$found" "$crashes"
  options=(-timeout=$TIMEOUT -rss_limit_mb=$MEMORY_MB -artifact_prefix="$crashes/")
  log=$found.log
  if [ ${#files[@]} -gt 0 ]; then
    "$program" "${options[@]}" "${files[@]}" || status=1
    continue
  fi
  # What is found stays in the target folder, so that a run leaves the work tree as it was.
  if "$program" "${options[@]}" -max_total_time="$seconds" -print_final_stats=1 "$found" "$corpus" >"$log" 2>&1; then
    covered() { grep -oP "$1.*cov: \K[0-9]+" "$log" | tail -n 1; }
    printf 'fuzz: %-9s %s runs, %s a second; %s places reached, %s of them known before\n' "$target" \
      "$(awk '/number_of_executed_units/ { print $2 }' "$log")" "$(awk '/average_exec_per_sec/ { print $2 }' "$log")" \
      "$(covered DONE)" "$(covered INITED)"
  else
    status=1
    tail -n 40 "$log" >&2
    printf "fuzz: %s failed; './alfred fuzz %s <file>' does so again, with the file that is named above\n" \
      "$target" "$target" >&2
  fi
  if [ -n "$keep" ]; then
    smaller=$(mktemp -d)
    # One input for each place is enough to begin with.
    "$program" "${options[@]}" -set_cover_merge=1 -use_counters=0 "$smaller" "$corpus" "$found" >>"$log" 2>&1 ||
      fail "$log says why the corpus is as it was"
    rm -rf "$corpus" "$found"
    mv "$smaller" "$corpus"
  fi
done
exit $status

#!/usr/bin/env bash
# `./alfred bench [ingress] [commands] [warm] [jobs] [sync]`: prints the figures of the README in Markdown, ours and the official
# AWS CLI's side by side, all or those that are named. Release builds of the functions take about ten minutes the first time
# on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."

# A wrong word must be told before a build of minutes, not after.
for part in "$@"; do
  case $part in
    ingress | commands | warm | jobs | sync) ;;
    *) echo "bench: there is nothing to measure by the name '$part'; there are ingress, commands, warm, jobs and sync" >&2 && exit 2 ;;
  esac
done

# Only the figures go to standard output: they are pasted into the README.
scripts/witness.sh awscli-v2 tools >&2
echo "bench: building the functions and the command (release)" >&2
# ingress last and by itself: with install's features it would be another program than the one that is deployed.
cargo build --locked --release -p ingress --features install --bin install
cargo build --locked --release -p ingress -p worker -p syncer --bins
cargo build --locked --release -p ingress --example floor
cargo build --locked --release -p awscli --features native --bin aws-native --bin aws-warm
echo "bench: building the bench with the emulators" >&2
cargo build --locked --profile emulators -p tests --bin bench

target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
# The programs under measurement are looked for beside the bench.
for program in ingress install worker sweeper syncer aws-native aws-warm examples/floor; do
  ln -f "$target/release/$program" "$target/emulators/${program##*/}"
done
exec "$target/emulators/bench" "$@"

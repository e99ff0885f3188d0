#!/bin/sh
# Builds the programs of a release: release.sh OUT FLAG... passes the flags to cargo. OUT gets a program and its SBOM for
# each target, and SHA256SUMS.
set -eu
mkdir -p "$1"
out=$(realpath "$1")
shift
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
built=${CARGO_TARGET_DIR:-target}
# The number in a target is the oldest glibc that the program supports.
platforms='x86_64-unknown-linux-gnu.2.28 aarch64-unknown-linux-gnu.2.28 x86_64-unknown-linux-musl'
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || stat -c %Y Cargo.lock)}
export SOURCE_DATE_EPOCH

# Other files in the directory stay, and are not in SHA256SUMS.
rm -f "$out"/coreos-cloudinit-*-linux-gnu* "$out"/coreos-cloudinit-*-linux-musl* "$out/SHA256SUMS"
for platform in $platforms; do
    target=${platform%%.*}
    echo "release: building for $platform"
    PLATFORM=$platform packaging/build.sh "$@"
    name=coreos-cloudinit-$version-$target
    install -m 755 "$built/$target/release/coreos-cloudinit" "$out/$name"
    packaging/sbom.py "$target" "$out/$name" > "$out/$name.cdx.json"
done
cd "$out"
sha256sum -- "coreos-cloudinit-$version"-*-linux-* > SHA256SUMS
ls -l "$out"

#!/bin/sh
# Builds a source archive in another directory, without a network, and compares the result: same.sh ARCHIVE PROGRAM.
# PLATFORM is that of build.sh.
set -eu
archive=$(realpath "$1") program=$(realpath "$2")
cd "$(dirname "$0")/.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/coreos-cloudinit.XXXXXX")
trap 'rm -rf "$dir"' EXIT
tar -x -C "$dir" -f "$archive"
# An empty home of cargo has no dependencies.
mkdir "$dir/home"
(cd "$dir"/coreos-cloudinit-* && CARGO_HOME=$dir/home CARGO_NET_OFFLINE=true packaging/build.sh --locked --offline)
platform=${PLATFORM:-}
target=${platform%%.*}
if ! cmp "$dir"/coreos-cloudinit-*/target/"${target:+$target/}"release/coreos-cloudinit "$program"; then
    echo "same: two builds of the same sources differ" >&2
    exit 1
fi
sha256sum "$program"

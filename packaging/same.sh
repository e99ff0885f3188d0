#!/bin/sh
# Builds from an archive of the sources, in another folder, with no network and nothing but what the archive has, and
# compares: same.sh ARCHIVE PROGRAM.
set -eu
archive=$(realpath "$1") program=$(realpath "$2")
cd "$(dirname "$0")/.."
folder=$(mktemp -d "${TMPDIR:-/tmp}/coreos-cloudinit.XXXXXX")
trap 'rm -rf "$folder"' EXIT
tar -x -C "$folder" -f "$archive"
# A home of cargo with nothing in it has no library either.
mkdir "$folder/home"
(cd "$folder"/coreos-cloudinit-* && CARGO_HOME=$folder/home CARGO_NET_OFFLINE=true packaging/build.sh --locked --offline)
if ! cmp "$folder"/coreos-cloudinit-*/target/release/coreos-cloudinit "$program"; then
    echo "same: two builds of the same sources differ" >&2
    exit 1
fi
sha256sum "$program"

#!/bin/sh
# Builds the program that people install: build.sh FLAG... passes them on to cargo. The same sources give the same
# bytes, wherever they lie and wherever the libraries come from: their places are not in it.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
host=$(rustc -vV | sed -n 's/^host: //p')
# What is built has a place only once it is there.
"$cargo" fetch --quiet --target "$host" "$@"

separator=$(printf '\037')
# Flags of one's own are words, here as elsewhere.
flags=$(printf %s "${RUSTFLAGS:-}" | tr -s ' ' "$separator")
remap() { flags="$flags${flags:+$separator}--remap-path-prefix=$1"; }
remap "$PWD=/src"
[ -z "${CARGO_TARGET_DIR:-}" ] || remap "$CARGO_TARGET_DIR=/src/target"
for folder in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/* "$PWD/vendor"; do
    [ ! -d "$folder" ] || remap "$folder=/deps"
done
unset RUSTFLAGS
CARGO_ENCODED_RUSTFLAGS=$flags "$cargo" build --release "$@"

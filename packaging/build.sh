#!/bin/sh
# Builds the release: build.sh FLAG... passes the flags to cargo. The same sources give the same bytes: paths of the
# sources and of the dependencies are not in the program.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
host=$(rustc -vV | sed -n 's/^host: //p')
# The directories of the dependencies exist only after they are downloaded.
"$cargo" fetch --quiet --target "$host" "$@"

separator=$(printf '\037')
# As in cargo, RUSTFLAGS is separated by spaces.
flags=$(printf %s "${RUSTFLAGS:-}" | tr -s ' ' "$separator")
remap() { flags="$flags${flags:+$separator}--remap-path-prefix=$1"; }
remap "$PWD=/src"
[ -z "${CARGO_TARGET_DIR:-}" ] || remap "$CARGO_TARGET_DIR=/src/target"
for dir in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/* "$PWD/vendor"; do
    [ ! -d "$dir" ] || remap "$dir=/deps"
done
unset RUSTFLAGS
CARGO_ENCODED_RUSTFLAGS=$flags "$cargo" build --release "$@"

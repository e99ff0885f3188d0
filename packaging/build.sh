#!/bin/sh
# Builds the release: build.sh FLAG... passes the flags to cargo. The same sources give the same bytes: paths of the
# sources and of the dependencies are not in the program.
# PLATFORM names a target to build for with cargo-zigbuild instead, such as x86_64-unknown-linux-gnu.2.28 for a glibc.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
platform=${PLATFORM:-}
target=$(rustc -vV | sed -n 's/^host: //p')
# Only cargo-zigbuild knows a target with the version of a glibc.
[ -z "$platform" ] || target=${platform%%.*}
# The directories of the dependencies exist only after they are downloaded.
"$cargo" fetch --quiet --target "$target" "$@"

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
export CARGO_ENCODED_RUSTFLAGS="$flags"
if [ -z "$platform" ]; then
    "$cargo" build --release "$@"
else
    packaging/zig.sh "$cargo" zigbuild --release --target "$platform" "$@"
fi

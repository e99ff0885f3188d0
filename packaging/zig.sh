#!/bin/sh
# Runs a command with Zig and cargo-zigbuild: zig.sh COMMAND... They are installed below target/, in the versions of
# packaging/zig.txt.
set -eu
list=$(realpath "$(dirname "$0")/zig.txt")
tools=$(realpath "$(dirname "$0")/..")/target/tools/zig-$(sha256sum "$list" | head -c 12)
if [ ! -e "$tools/complete" ]; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --no-deps --require-hashes --requirement "$list"
    touch "$tools/complete"
fi
PATH=$tools/bin:$PATH
# Nothing is written to the home directory.
CARGO_ZIGBUILD_CACHE_DIR=$tools/cache ZIG_GLOBAL_CACHE_DIR=$tools/cache ZIG_LOCAL_CACHE_DIR=$tools/cache
export PATH CARGO_ZIGBUILD_CACHE_DIR ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR
exec "$@"

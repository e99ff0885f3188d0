#!/bin/sh
# Checks the licenses, origins and duplicates of the dependencies (deny.toml), and security advisories if their database is
# present. cargo-deny is built below target/ if it is not installed.
set -eu
cd "$(dirname "$0")/.."
version=$1
tools=target/tools

deny=
for found in "$(command -v cargo-deny || true)" "$tools/bin/cargo-deny"; do
    [ -n "$found" ] && [ "$("$found" --version 2> /dev/null)" = "cargo-deny $version" ] && deny=$found && break
done
if [ -z "$deny" ]; then
    echo "deny: building cargo-deny $version (once, takes some minutes)"
    # Without optimization: the build takes most of the time, the check some seconds.
    cargo install --quiet --debug --locked --root "$tools" --target-dir "$tools/build" --version "$version" cargo-deny
    # The build directory is large and not needed again.
    rm -rf "$tools/build"
    deny=$tools/bin/cargo-deny
fi

"$deny" --all-features check --hide-inclusion-graph licenses bans sources
databases=${CARGO_HOME:-$HOME/.cargo}/advisory-dbs
if [ -d "$databases" ]; then
    "$deny" --offline check advisories
else
    echo "deny: advisories not checked: no database in $databases (run cargo deny fetch)"
fi

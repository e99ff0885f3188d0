#!/bin/sh
# Holds the dependencies to deny.toml: their licences, where they come from, and that none is there twice; what is known
# to be wrong with them, where a database of advisories is at hand. cargo-deny is built beneath target/ where there is none.
set -eu
cd "$(dirname "$0")/.."
version=$1
tools=target/tools

deny=
for found in "$(command -v cargo-deny || true)" "$tools/bin/cargo-deny"; do
    [ -n "$found" ] && [ "$("$found" --version 2> /dev/null)" = "cargo-deny $version" ] && deny=$found && break
done
if [ -z "$deny" ]; then
    echo "deny: building cargo-deny $version: some minutes, once"
    cargo install --quiet --locked --root "$tools" --target-dir "$tools/build" --version "$version" cargo-deny
    # What it was built of is large, and not needed again.
    rm -rf "$tools/build"
    deny=$tools/bin/cargo-deny
fi

"$deny" --all-features check --hide-inclusion-graph licenses bans sources
databases=${CARGO_HOME:-$HOME/.cargo}/advisory-dbs
if [ -d "$databases" ]; then
    "$deny" --offline check advisories
else
    echo "deny: no advisories are looked up: there is no database in $databases (cargo deny fetch gets one)"
fi

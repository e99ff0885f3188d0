#!/bin/sh
# Links the program for the glibc that `make release` links for, and copies it to FILE: program.sh TARGET FILE. Only the
# link is new: the libraries are those of TARGET, the target directory of the tests.
set -eu
target=$1
file=$2
cd "$(dirname "$0")/../.."
"${CARGO:-cargo}" rustc --quiet --locked --target-dir "$target" --example oldest -- -C "linker=$PWD/tests/testbed/cc.sh"
cp "$target/debug/examples/oldest" "$file.new"
mv "$file.new" "$file"

#!/bin/sh
# Links the program for the same glibc as `make release`, and copies it to FILE: program.sh TARGET FILE. The libraries in
# TARGET, the target directory of the tests, are not built again.
set -eu
target=$1
file=$2
cd "$(dirname "$0")/../.."
"${CARGO:-cargo}" rustc --quiet --locked --target-dir "$target" --example oldest -- -C "linker=$PWD/tests/testbed/cc.sh"
cp "$target/debug/examples/oldest" "$file.new"
mv "$file.new" "$file"

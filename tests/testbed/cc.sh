#!/bin/sh
# The linker for glibc 2.28. rustc treats it as a C compiler because of its name.
exec "$(dirname "$0")/../../packaging/zig.sh" cargo-zigbuild zig cc -- -target "$(uname -m)-linux-gnu.2.28" "$@"

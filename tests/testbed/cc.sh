#!/bin/sh
# Links for glibc 2.28. rustc takes its name for that of a C compiler.
exec "$(dirname "$0")/../../packaging/zig.sh" cargo-zigbuild zig cc -- -target "$(uname -m)-linux-gnu.2.28" "$@"

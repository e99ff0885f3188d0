#!/bin/sh
# Builds an RPM package of the program BIN in the directory OUT, and checks it with rpmlint: rpm.sh BIN OUT.
# RPMNAME and RPMEMAIL name its packager.
set -eu
BIN=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/.."
. packaging/common.sh
packager="${RPMNAME:-The authors of coreos-cloudinit} <${RPMEMAIL:-maintainers@coreos-cloudinit.invalid}>"
arch=$(machine "$BIN" x86_64 aarch64)

rm -rf "$out/build" "$out"/coreos-cloudinit-*.rpm
mkdir -p "$out/build"
unset MAKEFLAGS MFLAGS MAKELEVEL
rpmbuild -bb --quiet --target "$arch" --define "_topdir $out/build" --define "_rpmdir $out/build" \
    --define "cci_version $version" --define "cci_packager $packager" --define "cci_source $PWD" --define "cci_bin $BIN" \
    --define "cci_date $(LC_ALL=C date -u -d "@$SOURCE_DATE_EPOCH" '+%a %b %d %Y')" \
    packaging/rpm/coreos-cloudinit.spec > "$out/build/log" 2>&1 || {
    cat "$out/build/log" >&2
    exit 1
}
mv "$out/build/$arch"/*.rpm "$out/"
rpmlint --config packaging/rpm/rpmlint.toml --strict "$out"/coreos-cloudinit-*.rpm
ls "$out"/coreos-cloudinit-*.rpm

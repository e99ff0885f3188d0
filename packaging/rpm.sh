#!/bin/sh
# Builds an RPM package of the program BIN in the directory OUT, and checks it with rpmlint: rpm.sh BIN OUT.
# RPMNAME and RPMEMAIL name its packager.
set -eu
BIN=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/.."
. packaging/common.sh
# In a macro, %% is a percent sign.
macro() { line "$1" "$2" > /dev/null && printf %s "$2" | sed 's/%/%%/g'; }
packager="${RPMNAME:-The authors of coreos-cloudinit} <${RPMEMAIL:-maintainers@coreos-cloudinit.invalid}>"
arch=$(machine "$BIN" x86_64 aarch64)

packager=$(macro "RPMNAME or RPMEMAIL" "$packager")
source=$(macro "the directory of the sources" "$PWD")
program=$(macro BIN "$BIN")

rm -f "$out"/coreos-cloudinit-*.rpm
work=$(mktemp -d "${TMPDIR:-/tmp}/coreos-cloudinit.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset MAKEFLAGS MFLAGS MAKELEVEL
rpmbuild -bb --quiet --target "$arch" --define "_topdir $work" --define "_rpmdir $work" \
    --define "cci_version $version" --define "cci_packager $packager" --define "cci_source $source" --define "cci_bin $program" \
    --define "cci_date $(LC_ALL=C date -u -d "@$SOURCE_DATE_EPOCH" '+%a %b %d %Y')" \
    packaging/rpm/coreos-cloudinit.spec > "$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
mv "$work/$arch"/*.rpm "$out/"
rpmlint --config packaging/rpm/rpmlint.toml --strict "$out"/coreos-cloudinit-*.rpm
ls "$out"/coreos-cloudinit-*.rpm

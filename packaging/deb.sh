#!/bin/sh
# Builds a Debian package of the program BIN in the directory OUT, and checks it with lintian: deb.sh BIN OUT.
# DEBFULLNAME and DEBEMAIL name its maintainer.
set -eu
BIN=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/.."
SOURCE=$PWD
. packaging/common.sh
DEBFULLNAME=${DEBFULLNAME:-The authors of coreos-cloudinit} DEBEMAIL=${DEBEMAIL:-maintainers@coreos-cloudinit.invalid}
maintainer="$DEBFULLNAME <$DEBEMAIL>"
escaped=$(line "DEBFULLNAME or DEBEMAIL" "$maintainer")
DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-} noautodbgsym"
export BIN SOURCE DEB_BUILD_OPTIONS
unset MAKEFLAGS MFLAGS MAKELEVEL

rm -f "$out"/coreos-cloudinit_*.deb
work=$(mktemp -d "${TMPDIR:-/tmp}/coreos-cloudinit.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"
build=$work/coreos-cloudinit-$version
mkdir "$build"
cp -R packaging/debian "$build/debian"
sed -i "s|@MAINTAINER@|$escaped|" "$build/debian/control"
cat > "$build/debian/changelog" << END
coreos-cloudinit ($version) unstable; urgency=medium

  * What changed is in /usr/share/doc/coreos-cloudinit/changelog.gz.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
(cd "$build" && dpkg-buildpackage --build=binary --unsigned-changes --unsigned-buildinfo > "$work/log" 2>&1) || {
    cat "$work/log" >&2
    exit 1
}
mv "$work"/*.deb "$out/"
root=$([ "$(id -u)" != 0 ] || echo --allow-root)
# shellcheck disable=SC2086 # one word, or empty
lintian $root --fail-on error "$out"/coreos-cloudinit_*.deb
ls "$out"/coreos-cloudinit_*.deb

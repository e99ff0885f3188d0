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
maintainer="${DEBFULLNAME:-The authors of coreos-cloudinit} <${DEBEMAIL:-maintainers@coreos-cloudinit.invalid}>"
DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-} noautodbgsym"
export BIN SOURCE DEB_BUILD_OPTIONS
unset MAKEFLAGS MFLAGS MAKELEVEL

rm -rf "$out/build" "$out"/*.deb
build=$out/build/coreos-cloudinit-$version
mkdir -p "$build"
cp -R packaging/debian "$build/debian"
sed -i "s|@MAINTAINER@|$maintainer|" "$build/debian/control"
cat > "$build/debian/changelog" << END
coreos-cloudinit ($version) unstable; urgency=medium

  * What changed is in /usr/share/doc/coreos-cloudinit/changelog.gz.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
(cd "$build" && dpkg-buildpackage --build=binary --unsigned-changes --unsigned-buildinfo > "$out/build/log" 2>&1) || {
    cat "$out/build/log" >&2
    exit 1
}
mv "$out/build"/*.deb "$out/"
root=$([ "$(id -u)" != 0 ] || echo --allow-root)
# shellcheck disable=SC2086 # one word, or empty
lintian $root --fail-on error "$out"/*.deb
ls "$out"/*.deb

#!/bin/sh
# Builds system extensions with the program BIN in the directory OUT: sysext.sh BIN OUT. The same program gives the same
# bytes. Each image has the program, its units, udev rules and catalog, but no documentation.
set -eu
BIN=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/.."
. packaging/common.sh
arch=$(machine "$BIN" x86-64 arm64)

tree=$(mktemp -d "${TMPDIR:-/tmp}/coreos-cloudinit.XXXXXX")
trap 'rm -rf "$tree"' EXIT
trap 'exit 1' HUP INT TERM
umask 022
chmod 755 "$tree"
BIN=$BIN DESTDIR=$tree PREFIX=/usr OEM='' oem/install.sh > /dev/null
rm -r "${tree:?}/usr/share"
units=$tree/usr/lib/systemd/system
install -m 644 oem/sysext/coreos-cloudinit-sysext.target oem/sysext/coreos-cloudinit-sysext-udev.service "$units/"
install -d -m 755 "$units/multi-user.target.d"
printf '[Unit]\nUpholds=coreos-cloudinit-sysext.target\n' > "$units/multi-user.target.d/coreos-cloudinit-sysext.conf"
release=$tree/usr/lib/extension-release.d
install -d -m 755 "$release"

# The name in the file is that of the image as it is installed: /etc/extensions/coreos-cloudinit.raw.
build() {
    printf '%s\n' "$1" "ARCHITECTURE=$arch" EXTENSION_RELOAD_MANAGER=1 > "$release/extension-release.coreos-cloudinit"
    rm -f "$2"
    # mksquashfs uses SOURCE_DATE_EPOCH for the time of the image; the files get it here.
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    mksquashfs "$tree" "$2" -all-root -noappend -no-xattrs -comp gzip -quiet -no-progress
    echo "$2"
}
build "$(printf 'ID=flatcar\nSYSEXT_LEVEL=1.0')" "$out/coreos-cloudinit-$version-$arch.raw"
build ID=_any "$out/coreos-cloudinit-any-$version-$arch.raw"

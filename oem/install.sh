#!/bin/sh
# Installs the files of an image, for `make install`. Environment:
#   DESTDIR  root directory of the image; empty for this machine
#   PREFIX   /usr by default; everything except the image's own cloud-config is below it
#   BIN      the program to install
#   OEM      the platform of oem/ whose cloud-config becomes the image's own; empty for no platform
set -eu
umask 022
cd "$(dirname "$0")"
PREFIX=${PREFIX:-/usr} OEM=${OEM:-}
root=${DESTDIR:-}$PREFIX
share=$PREFIX/share/coreos-cloudinit

if [ -n "$OEM" ] && [ ! -e "$OEM/cloud-config.yml" ]; then
    echo "install: no platform $OEM in oem/; there are:" */cloud-config.yml | sed 's|/cloud-config.yml||g' >&2
    exit 1
fi

# Installs the file $1 at $2, a path below PREFIX, and replaces /usr in the paths that it contains.
put() {
    install -d -m 755 "$(dirname "$root/$2")"
    sed "s|/usr/bin/coreos-cloudinit|$PREFIX/bin/coreos-cloudinit|; s|/usr/share/doc/|$PREFIX/share/doc/|" "$1" > "$root/$2"
    chmod 644 "$root/$2"
}

install -d -m 755 "$root/bin"
install -m 755 "$BIN" "$root/bin/coreos-cloudinit"
for file in systemd/system/*; do put "$file" "lib/$file"; done
for file in udev/rules.d/*; do put "$file" "lib/$file"; done
for file in */cloud-config.yml; do put "$file" "share/coreos-cloudinit/oem/$file"; done
# All pages are installed in one directory; their links are adapted.
for file in ../docs/* README.md ../LICENSE; do
    case $file in
        README.md) page=share/doc/coreos-cloudinit/oem.md ;;
        *) page=share/doc/coreos-cloudinit/$(basename "$file") ;;
    esac
    put "$file" "$page"
    sed -i 's|](\.\./oem/README\.md|](oem.md|g; s|](\.\./docs/|](|g; s|](\.\./\(examples/\)|](\1|g' "$root/$page"
done
for file in man/*; do put "$file" "share/man/man${file##*.}/$(basename "$file")"; done
put catalog/coreos-cloudinit.catalog lib/systemd/catalog/coreos-cloudinit.catalog
put completions/coreos-cloudinit share/bash-completion/completions/coreos-cloudinit
put completions/_coreos-cloudinit share/zsh/site-functions/_coreos-cloudinit
put completions/coreos-cloudinit.fish share/fish/vendor_completions.d/coreos-cloudinit.fish
for file in ../examples/*; do put "$file" "share/doc/coreos-cloudinit/examples/$(basename "$file")"; done

# Links in /usr start the targets at every boot, even with an empty /etc and without a preset.
wants=$root/lib/systemd/system/multi-user.target.wants
install -d -m 755 "$wants"
for target in system-config user-config; do ln -sfn "../$target.target" "$wants/$target.target"; done

# The units read the image's own cloud-config from this path, whatever PREFIX is.
if [ -n "$OEM" ]; then
    install -d -m 755 "${DESTDIR:-}/usr/share/oem"
    install -m 644 "$root/share/coreos-cloudinit/oem/$OEM/cloud-config.yml" "${DESTDIR:-}/usr/share/oem/cloud-config.yml"
    echo "installed ${DESTDIR:-}/usr/share/oem/cloud-config.yml, for $OEM"
fi
echo "installed the program, its units and rules, and ${DESTDIR:-}$share/oem"

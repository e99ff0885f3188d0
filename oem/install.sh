#!/bin/sh
# Lays out what an image ships: `make install` runs this. From the environment:
#   DESTDIR  the image's folder; empty for this machine
#   PREFIX   /usr, where an image with a read-only /usr has all of it
#   BIN      the program to install
#   OEM      a platform of oem/ whose cloud-config becomes the image's own; empty for none
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

# Installs $1 as $2, a path beneath the root. The files name the program and its pages where they are in /usr.
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
# The pages lead to each other, wherever they are: in one folder here.
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

# Every boot wants them, also one with an empty /etc: no preset has to be applied first.
wants=$root/lib/systemd/system/multi-user.target.wants
install -d -m 755 "$wants"
for target in system-config user-config; do ln -sfn "../$target.target" "$wants/$target.target"; done

# Where units look for it, whatever the prefix.
if [ -n "$OEM" ]; then
    install -d -m 755 "${DESTDIR:-}/usr/share/oem"
    install -m 644 "$root/share/coreos-cloudinit/oem/$OEM/cloud-config.yml" "${DESTDIR:-}/usr/share/oem/cloud-config.yml"
    echo "installed ${DESTDIR:-}/usr/share/oem/cloud-config.yml, for $OEM"
fi
echo "installed the program, its units and rules, and ${DESTDIR:-}$share/oem"

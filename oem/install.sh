#!/bin/sh
# Installs the files of an image, for `make install`. Environment:
#   DESTDIR  root directory of the image; empty for this machine. Nothing is written outside of it
#   PREFIX   /usr by default; everything except the image's own cloud-config is below it
#   BIN      the program to install
#   OEM      the platform of oem/ whose cloud-config becomes the image's own; empty for no platform
set -eu
umask 022
unset CDPATH
PREFIX=${PREFIX:-/usr} OEM=${OEM:-} DESTDIR=${DESTDIR:-}
die() {
    printf 'install: %s; nothing installed\n' "$*" >&2
    exit 1
}
case $BIN in /*) ;; *) BIN=$PWD/$BIN ;; esac
case $DESTDIR in '' | /*) ;; *) DESTDIR=$PWD/$DESTDIR ;; esac
# The units contain this path, without quotes.
case $PREFIX in [!/]* | *[!A-Za-z0-9/._+-]*) die "PREFIX: invalid path $PREFIX" ;; esac
cd "$(dirname "$0")"
if [ ! -r "$BIN" ] || [ -d "$BIN" ]; then die "$BIN: not a readable program"; fi
if [ -n "$OEM" ] && [ ! -e "$OEM/cloud-config.yml" ]; then
    die "no platform $OEM in oem/; there are: $(echo */cloud-config.yml | sed 's|/cloud-config.yml||g')"
fi
root=$DESTDIR$PREFIX
mkdir -p "$DESTDIR/"
top=$(cd -P "$DESTDIR/" && pwd -P)

# Fails if the directory $1, or the part of it that exists, is a link that leads out of DESTDIR.
check_directory() {
    existing=$1
    while [ -n "$existing" ] && [ ! -e "$existing" ] && [ ! -L "$existing" ]; do existing=${existing%/*}; done
    real=$(cd -P "$existing/" 2> /dev/null && pwd -P) || die "$existing: not a directory, or a link to nothing"
    case $real/ in
        "${top%/}"/*) ;;
        *) die "$existing: leads out of DESTDIR, to $real (use a relative link)" ;;
    esac
}

# The actions for a file $1 with the mode $3 and the path $2: `check` changes nothing, `put` replaces the file. A link at the
# path is replaced, not followed.
check() {
    check_directory "${2%/*}"
    [ ! -d "$2" ] || [ -L "$2" ] || die "$2: is a directory"
}
put() {
    ! is_masked "$2" || return 0
    mkdir -p "${2%/*}"
    new=$(mktemp "${2%/*}/.coreos-cloudinit.XXXXXX")
    case $2 in
        "$root/bin/coreos-cloudinit") cat -- "$1" > "$new" ;;
        # All pages are installed in one directory; their links are adapted.
        "$root"/share/doc/*)
            adapt "$1" |
                sed 's|](\.\./oem/README\.md|](oem.md|g; s|](\.\./docs/|](|g; s|](\.\./\(examples/\)|](\1|g' > "$new"
            ;;
        *) adapt "$1" > "$new" ;;
    esac
    chmod "$3" "$new"
    mv -f "$new" "$2"
    new=
}
new=
trap '[ -z "$new" ] || rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM
# Replaces /usr in the paths that a file contains.
adapt() { sed "s|/usr/bin/coreos-cloudinit|$PREFIX/bin/coreos-cloudinit|; s|/usr/share/doc/|$PREFIX/share/doc/|" "$1"; }
# A mask is a decision of the administrator.
is_masked() {
    [ -L "$1" ] && [ "$(readlink "$1")" = /dev/null ] || return 1
    echo "install: $1: masked; not installed" >&2
}

# Calls the action $1 for each file.
each_file() {
    "$1" "$BIN" "$root/bin/coreos-cloudinit" 755
    for file in systemd/system/* udev/rules.d/*; do "$1" "$file" "$root/lib/$file" 644; done
    for file in */cloud-config.yml; do "$1" "$file" "$root/share/coreos-cloudinit/oem/$file" 644; done
    for file in ../docs/* ../LICENSE; do "$1" "$file" "$root/share/doc/coreos-cloudinit/${file##*/}" 644; done
    "$1" README.md "$root/share/doc/coreos-cloudinit/oem.md" 644
    for file in ../examples/*; do "$1" "$file" "$root/share/doc/coreos-cloudinit/examples/${file##*/}" 644; done
    for file in man/*; do "$1" "$file" "$root/share/man/man${file##*.}/${file##*/}" 644; done
    "$1" catalog/coreos-cloudinit.catalog "$root/lib/systemd/catalog/coreos-cloudinit.catalog" 644
    "$1" completions/coreos-cloudinit "$root/share/bash-completion/completions/coreos-cloudinit" 644
    "$1" completions/_coreos-cloudinit "$root/share/zsh/site-functions/_coreos-cloudinit" 644
    "$1" completions/coreos-cloudinit.fish "$root/share/fish/vendor_completions.d/coreos-cloudinit.fish" 644
    # The units read this path with every PREFIX.
    [ -z "$OEM" ] || "$1" "$OEM/cloud-config.yml" "$DESTDIR/usr/share/oem/cloud-config.yml" 644
}
wants=$root/lib/systemd/system/multi-user.target.wants
check_directory "$wants"
each_file check
each_file put

# Links in /usr start the targets at every boot, even with an empty /etc and without a preset.
mkdir -p "$wants"
for target in system-config.target user-config.target; do
    is_masked "$wants/$target" || ln -sfn "../$target" "$wants/$target"
done
[ -z "$OEM" ] || echo "installed $DESTDIR/usr/share/oem/cloud-config.yml, for $OEM"
echo "installed the program, its units and rules, and $root/share/coreos-cloudinit/oem"

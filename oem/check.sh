#!/bin/sh
# Checks the tree of an image with an installed coreos-cloudinit, for `make check-oem`. Changes nothing.
#   check.sh DIR [PROGRAM]
# Environment: PREFIX of the installation (default /usr).
set -eu
PREFIX=${PREFIX:-/usr}
if [ -z "${1:-}" ] || [ ! -d "${1%/}$PREFIX" ]; then
    echo "check-oem: DIR must be a tree with a directory $PREFIX: make check-oem DIR=…" >&2
    exit 2
fi
dir=${1%/}
root=$dir$PREFIX
program=${2:-$root/bin/coreos-cloudinit}
units=$root/lib/systemd/system
failed=0
wrong() {
    echo "check-oem: $*" >&2
    failed=1
}

[ -x "$root/bin/coreos-cloudinit" ] || wrong "the program is missing: $root/bin/coreos-cloudinit"

# The cloud-configs: they may have notes, but no errors or warnings.
count=0
for file in "$dir/usr/share/oem/cloud-config.yml" "$dir/usr/share/coreos/cloud-config.yml" \
    "$root"/share/coreos-cloudinit/oem/*/cloud-config.yml; do
    [ -s "$file" ] || continue
    count=$((count + 1))
    "$program" --validate --from-file="$file" || wrong "$file is not clean"
done
[ "$count" != 0 ] || wrong "there is no cloud-config in $dir"
if [ -s "$dir/usr/share/oem/cloud-config.yml" ] && [ -s "$dir/usr/share/coreos/cloud-config.yml" ]; then
    wrong "there are two cloud-configs of the image, applied in no fixed order: use one"
fi

# The units: all exist, are started at boot, and pass `systemd-analyze verify`.
for unit in "$(dirname "$0")"/systemd/system/*; do
    [ -e "$units/$(basename "$unit")" ] || wrong "$units/$(basename "$unit") is missing"
done
for target in system-config.target user-config.target; do
    wanted=
    for link in "$units"/*.wants/$target "$dir"/etc/systemd/system/*.wants/$target; do
        if [ -L "$link" ]; then wanted=yes; fi
    done
    [ -n "$wanted" ] || wrong "$target is not started at boot"
done
if command -v systemd-analyze > /dev/null; then
    oem='usr-share-oem-cloud\x2dconfig.yml'
    data='var-lib-coreos\x2dinstall-user_data'
    set -- "system-cloudinit@$oem.service" "user-cloudinit@$data.service" "user-cloudinit@$data.path"
    for unit in "$(dirname "$0")"/systemd/system/*; do
        case $unit in *@*) ;; *) set -- "$@" "$(basename "$unit")" ;; esac
    done
    # The units of the tree, then those of this machine for their dependencies. The program need not exist
    # on this machine, and D-Bus is required only if the tree is a complete system.
    elsewhere='Command .*/bin/coreos-cloudinit is not executable'
    [ -e "$dir/usr/lib/systemd/systemd" ] || elsewhere="$elsewhere|Unit dbus.socket not found"
    output=$(SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --man=no "$@" 2>&1 |
        grep -v -E "$elsewhere" || true)
    [ -z "$output" ] || wrong "systemd-analyze reports:
$output"
    # The whole boot, for ordering cycles only.
    output=$(SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --man=no multi-user.target 2>&1 | grep -i -A 9 cycle || true)
    [ -z "$output" ] || wrong "systemd-analyze reports:
$output"
else
    echo "check-oem: systemd-analyze is missing: the units were not checked" >&2
fi
if command -v udevadm > /dev/null && udevadm verify --help > /dev/null 2>&1; then
    rules=$root/lib/udev/rules.d
    udevadm verify "$rules"/90-configdrive.rules "$rules"/90-nocloud.rules "$rules"/90-ovfenv.rules > /dev/null ||
        wrong "udevadm verify rejects the rules"
fi

[ "$failed" = 0 ] || exit 1
echo "check-oem: $count cloud-configs and all units are valid"

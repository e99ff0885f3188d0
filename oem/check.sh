#!/bin/sh
# Checks a tree in which `make install` or an image builder has laid out the program and its units, and
# changes nothing: `make check-oem` runs this.
#   check.sh DIR [PROGRAM]
# From the environment: PREFIX, the one that it was laid out with; /usr if there is none.
set -eu
PREFIX=${PREFIX:-/usr}
if [ -z "${1:-}" ] || [ ! -d "${1%/}$PREFIX" ]; then
    echo "check-oem: DIR must be a tree with a folder $PREFIX: make check-oem DIR=…" >&2
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

# The cloud-configs: notes are told, everything else is wrong.
count=0
for file in "$dir/usr/share/oem/cloud-config.yml" "$dir/usr/share/coreos/cloud-config.yml" \
    "$root"/share/coreos-cloudinit/oem/*/cloud-config.yml; do
    [ -s "$file" ] || continue
    count=$((count + 1))
    "$program" --validate --from-file="$file" || wrong "$file is not clean"
done
[ "$count" != 0 ] || wrong "there is no cloud-config in $dir"
if [ -s "$dir/usr/share/oem/cloud-config.yml" ] && [ -s "$dir/usr/share/coreos/cloud-config.yml" ]; then
    wrong "both places hold a cloud-config, and nothing says which comes first: use one"
fi

# The units: all of them are there, are wanted at boot, and systemd has nothing to say about them.
for unit in "$(dirname "$0")"/systemd/system/*; do
    [ -e "$units/$(basename "$unit")" ] || wrong "$units/$(basename "$unit") is missing"
done
for target in system-config.target user-config.target; do
    wanted=
    for link in "$units"/*.wants/$target "$dir"/etc/systemd/system/*.wants/$target; do
        if [ -L "$link" ]; then wanted=yes; fi
    done
    [ -n "$wanted" ] || wrong "nothing wants $target at boot"
done
if command -v systemd-analyze > /dev/null; then
    oem='usr-share-oem-cloud\x2dconfig.yml'
    data='var-lib-coreos\x2dinstall-user_data'
    set -- "system-cloudinit@$oem.service" "user-cloudinit@$data.service" "user-cloudinit@$data.path"
    for unit in "$(dirname "$0")"/systemd/system/*; do
        case $unit in *@*) ;; *) set -- "$@" "$(basename "$unit")" ;; esac
    done
    # The tree's units first, then this machine's for what they refer to. That this machine has no such
    # program is no matter; nor is its bus, where the tree is no whole system that must have one.
    elsewhere='Command .*/bin/coreos-cloudinit is not executable'
    [ -e "$dir/usr/lib/systemd/systemd" ] || elsewhere="$elsewhere|Unit dbus.socket not found"
    told=$(SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --man=no "$@" 2>&1 |
        grep -v -E "$elsewhere" || true)
    [ -z "$told" ] || wrong "systemd-analyze says:
$told"
    # The boot as a whole, as far as cycles go: the rest of it is not ours.
    told=$(SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --man=no multi-user.target 2>&1 | grep -i -A 9 cycle || true)
    [ -z "$told" ] || wrong "systemd-analyze says:
$told"
else
    echo "check-oem: no systemd-analyze here: the units were not checked" >&2
fi
if command -v udevadm > /dev/null && udevadm verify --help > /dev/null 2>&1; then
    udevadm verify "$root"/lib/udev/rules.d/90-configdrive.rules "$root"/lib/udev/rules.d/90-ovfenv.rules > /dev/null ||
        wrong "udevadm finds faults in the rules"
fi

[ "$failed" = 0 ] || exit 1
echo "check-oem: $count cloud-configs and all units are in order"

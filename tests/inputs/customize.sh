#!/bin/bash
# Functions that make OpenPGP keys, signatures, and disk images with an OEM partition, in the current directory.
set -eu
# The size of the OEM partition.
mib=${mib:-32}
export LC_ALL=C GNUPGHOME="$PWD/gnupg" PATH="$PATH:/usr/sbin:/sbin"
mkdir -p -m 700 gnupg
key() { # NAME EXPIRES
    gpg --batch --quiet --pinentry-mode loopback --passphrase= --quick-gen-key "$1" ed25519 sign "$2" 2> /dev/null
    gpg --batch --export "$1" > "$1.gpg"
}
sign() { # NAME FILE [OPTION...]
    by=$1 file=$2; shift 2
    gpg --batch --quiet --yes -u "$by" "$@" --detach-sign -o "$file.$by.sig" "$file" 2> /dev/null
}
# The partition begins at 1 MiB; another one follows it.
disk() { # FILE PARTITION
    rm -f "$1"
    truncate -s $((2 * mib))M "$1"
    sgdisk -n 6:2048:+${mib}M -c 6:OEM -n 9:0:0 -c 9:ROOT "$1" > /dev/null
    dd if="$2" of="$1" bs=1M seek=1 conv=notrunc status=none
    printf 'the root' | dd of="$1" bs=1M seek=$((mib + 8)) conv=notrunc status=none
}
oem() { dd if="$1" of=part bs=1M skip=1 count=$mib status=none; }
mkdir -p files/sub
echo old > files/cloud-config.yml
echo 'set oem_id="qemu"' > files/grub.cfg
ln -sf grub.cfg files/link
head -c 100000 /dev/zero | tr '\0' x > files/sub/data
truncate -s ${mib}M ext4 vfat btrfs
ext4() { mkfs.ext4 -q -F -L OEM -d files ext4; }
vfat() { mkfs.vfat -n OEM vfat > /dev/null; mcopy -i vfat files/cloud-config.yml files/grub.cfg ::; }
btrfs_old() { mkfs.btrfs -q -f --mixed -O ^no-holes -R ^free-space-tree -L OEM -r files btrfs > /dev/null 2>&1; }

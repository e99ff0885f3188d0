#!/bin/sh
# Makes what a virtual machine is started with: a kernel, its modules as a /usr, and a first root that
# mounts the disks. The kernel is Debian's for clouds, unpacked and not installed.
# The folder that keeps all this is named by a hash over this file.
set -eu
place=$1 arch=$2

# What the first root needs to see disks, in the order in which they need each other.
disk='virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk'

mkdir -p "$place/first/bin" "$place/usr/lib" "$place/package"
cd "$place/package"
host=$(dpkg --print-architecture)
# The host does not know packages of another architecture. Their lists are here.
lists=
if [ "$arch" != "$host" ]; then
    mkdir -p "$place/apt/lists/partial" "$place/apt/cache"
    lists="-o APT::Architecture=$arch -o APT::Architectures=$arch -o Dir::State::status=/dev/null"
    lists="$lists -o Dir::State::lists=$place/apt/lists -o Dir::Cache=$place/apt/cache"
fi
# Runs a tool of apt.
apt() {
    tool=$1
    shift
    # shellcheck disable=SC2086 # several words
    "$tool" $lists "$@"
}
real() { apt apt-cache depends "linux-image-cloud-$arch" 2> /dev/null | sed -n 's/^  Depends: \(linux-image-.*\)/\1/p' | head -n 1; }
download() { [ -n "$(real)" ] && apt apt-get download --quiet "$(real)"; }
download || { apt apt-get update --quiet && download; } || {
    echo "apt has no kernel linux-image-cloud-$arch to download here" >&2
    exit 1
}
dpkg-deb --extract ./*.deb .
if [ "$arch" != "$host" ]; then
    mkdir busybox
    (cd busybox && apt apt-get download --quiet busybox-static && dpkg-deb --extract ./*.deb .)
    cp busybox/bin/busybox "$place/first/bin/busybox"
    rm -r "$place/apt"
else
    cp "$(command -v busybox)" "$place/first/bin/busybox"
fi
mv boot/vmlinuz-* "$place/vmlinuz"
mv lib/modules "$place/usr/lib/modules"
cd "$place"
rm -r package

modules=$(echo usr/lib/modules/*)
# All that these machines may want; more of them would only make a slow boot slower.
mv "$modules/kernel" all
for part in drivers/ata drivers/block/loop.ko drivers/block/virtio_blk.ko drivers/cdrom drivers/char/hw_random/virtio-rng.ko \
    drivers/char/virtio_console.ko drivers/net/bonding drivers/net/dummy.ko drivers/net/net_failover.ko \
    drivers/net/virtio_net.ko drivers/scsi/scsi_common.ko drivers/scsi/scsi_mod.ko drivers/scsi/sr_mod.ko drivers/virtio fs/fat \
    fs/isofs fs/nls fs/overlayfs fs/squashfs fs/udf fs/xfs lib/libcrc32c.ko net/802 net/8021q net/core net/llc net/tls lib/crc-itu-t.ko; do
    [ -e "all/$part" ] || continue
    mkdir -p "$modules/kernel/$(dirname "$part")"
    mv "all/$part" "$modules/kernel/$part"
done
rm -r all
# It looks for them in /lib only.
mkdir lib
ln -s ../usr/lib/modules lib/modules
depmod --basedir . "$(basename "$modules")"
rm -r lib

for module in $disk; do
    find "$modules" -name "$module.ko" -exec cp {} first/ \;
    [ -e "first/$module.ko" ]
done
cat > first/init <<END
#!/bin/busybox sh
export PATH=/bin
/bin/busybox mkdir -p /dev /proc /sys /root
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
for module in $disk; do insmod /\$module.ko; done
until [ -b /dev/vda ] && [ -b /dev/vdb ]; do sleep 0.05; done
mount -t ext4 /dev/vda /root
mount -t ext4 -o ro /dev/vdb /root/usr
mount --move /dev /root/dev
exec switch_root /root /usr/lib/systemd/systemd
END
chmod 755 first/init
(cd first && find . | cpio --quiet --create --format=newc | gzip -1) > first.img
rm -r first

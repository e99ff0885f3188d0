#!/bin/sh
# Turns a minimal Debian tree, as mmdebstrap makes it, into the testbed's machine.
# The name of the tree's directory has a hash over this file and the list of packages.
set -eu
tree=$1

in_tree() { chroot "$tree" "$@"; }

# A machine id of its own: without one every boot is a first boot, which applies presets.
echo 0123456789abcdef0123456789abcdef > "$tree/etc/machine-id"
echo bed > "$tree/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost\n' > "$tree/etc/hosts"
: > "$tree/etc/resolv.conf"

# The accounts that the first boot of Debian 11 would create.
unshare --mount sh -c 'mount -t proc proc "$1/proc" && chroot "$1" systemd-sysusers' sh "$tree"

# The accounts that images of this family have.
in_tree groupadd --gid 500 core
in_tree useradd --uid 500 --gid 500 --home-dir /home/core --create-home --shell /bin/bash --password '*' core
in_tree groupadd --gid 232 etcd
in_tree useradd --uid 232 --gid 232 --home-dir /var/lib/etcd --no-create-home --shell /usr/sbin/nologin --password '*' etcd
for group in wheel docker rkt fleet systemd-journal sudo; do
    in_tree getent group "$group" > /dev/null || in_tree groupadd "$group"
done

# The update settings of an image.
mkdir -p "$tree/usr/share/coreos"
cat > "$tree/usr/share/coreos/update.conf" <<'EOF'
GROUP=stable
SERVER=https://public.update.core-os.net/v1/update/
EOF

# Stand-ins for the units that cloud-configs of this family command.
mkdir -p "$tree/usr/lib/systemd/system"
for unit in etcd etcd2 etcd-member fleet flanneld locksmithd update-engine docker; do
    cat > "$tree/usr/lib/systemd/system/$unit.service" <<EOF
[Unit]
Description=Stand-in for $unit

[Service]
ExecStart=/bin/sleep infinity

[Install]
WantedBy=multi-user.target
EOF
done
cat > "$tree/usr/lib/systemd/system/docker.socket" <<'EOF'
[Unit]
Description=Stand-in for docker's socket

[Socket]
ListenStream=/run/docker.sock
SocketMode=0660
SocketUser=root
SocketGroup=docker

[Install]
WantedBy=sockets.target
EOF

# What a throw-away machine need not wait for, or would be disturbed by.
for unit in console-getty.service getty.target systemd-update-utmp.service systemd-update-utmp-runlevel.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer systemd-tmpfiles-clean.timer dev-hugepages.mount dev-mqueue.mount \
    systemd-networkd-wait-online.service systemd-udev-trigger.service systemd-hwdb-update.service \
    systemd-journal-catalog-update.service ldconfig.service; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done

# Nothing that a case looks for may be dropped for being too much at once.
mkdir -p "$tree/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' > "$tree/etc/systemd/journald.conf.d/testbed.conf"

#!/bin/sh
# Changes the testbed's tree, in which the program is installed, to the system of a virtual machine.
set -eu
tree=$1

# A virtual machine has real devices, and a real network if its case adds one.
for unit in systemd-udev-trigger.service systemd-networkd-wait-online.service; do
    rm "$tree/etc/systemd/system/$unit"
done
cat > "$tree/etc/systemd/network/80-dhcp.network" <<'END'
[Match]
Name=en*

[Network]
DHCP=yes
END
systemctl --quiet --root="$tree" enable systemd-networkd.service

# Units that no case needs and that would delay every boot.
for unit in modprobe@.service sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount systemd-random-seed.service; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done

# The mount point of the OEM partition. It must exist, because /usr is read-only.
mkdir -p "$tree/usr/share/oem"

# Commands of the test come in over a virtual serial port, and the results go out over it. The service waits only for
# the port, and no other unit waits for the service.
mkdir -p "$tree/opt/testbed"
cat > "$tree/opt/testbed/shell" <<'END'
#!/bin/sh
mkdir -p /run/testbed
cd /run/testbed
exec 3<> /dev/virtio-ports/testbed.shell
while read -r number command <&3; do
    echo "$command" | base64 -d > command
    sh ./command < /dev/null > stdout 2> stderr
    echo "$number $? .$(base64 -w 0 stdout) .$(base64 -w 0 stderr)" >&3
done
END
chmod 755 "$tree/opt/testbed/shell"
cat > "$tree/etc/systemd/system/testbed-shell.service" <<'END'
[Unit]
Description=What the test asks
DefaultDependencies=no
BindsTo=dev-virtio\x2dports-testbed.shell.device
After=dev-virtio\x2dports-testbed.shell.device
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/opt/testbed/shell
Environment=LANG=C.UTF-8

[Install]
WantedBy=dev-virtio\x2dports-testbed.shell.device
END
systemctl --quiet --root="$tree" enable testbed-shell.service

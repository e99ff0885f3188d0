#!/bin/sh
#
# A script as user-data: text that starts with `#!` is run.
#
# What it does
#   - on the first boot, creates a random secret that only root can read;
#   - on every boot, writes facts about the machine to /var/lib/machine-facts/facts.
#
# How to try it
#   coreos-cloudinit --from-file=first-boot.sh --dry-run
#   coreos-cloudinit --from-file=first-boot.sh                (as root)
#   journalctl -u 'coreos-cloudinit-*'; cat /var/lib/machine-facts/facts
#
# What to change
#   Everything below. Keep in mind:
#   - The script runs at every boot. Check first whether a one-time action has been done.
#   - It runs as root in its own unit, and coreos-cloudinit does not wait for it. Its result is in the
#     journal and does not change the exit code of coreos-cloudinit.
#   - The first line names its interpreter. If that shell is missing, bash runs the script.

set -eu
directory=/var/lib/machine-facts
mkdir -p "$directory"

if [ ! -s "$directory/secret" ]; then
  # Never readable by other users, and complete before it gets its name.
  (umask 077 && head -c 32 /dev/urandom | base64 -w 0 > "$directory/secret.part")
  mv "$directory/secret.part" "$directory/secret"
  echo "created a new secret"
fi

{
  echo "name:   $(uname -n)"
  echo "kernel: $(uname -r)"
  echo "cpus:   $(nproc)"
  sed -n 's/^MemTotal: */memory: /p' /proc/meminfo
  sed -n 's/^PRETTY_NAME=/system: /p' /etc/os-release
} > "$directory/facts"

echo "wrote $directory/facts"

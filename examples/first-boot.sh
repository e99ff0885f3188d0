#!/bin/sh
#
# User-data can be a script: what starts with `#!` is run instead of read.
#
# What it does
#   - the first time: makes a secret that only this machine has, readable by root only;
#   - every time: notes what this machine is, in /var/lib/machine-facts/facts.
#
# How to try it
#   coreos-cloudinit --from-file=first-boot.sh --dry-run
#   coreos-cloudinit --from-file=first-boot.sh                (as root)
#   journalctl -u 'coreos-cloudinit-*'; cat /var/lib/machine-facts/facts
#
# What to change
#   Everything below. Keep in mind:
#   - The script runs at every boot. What is to happen once must look whether it has happened.
#   - It runs as a unit of its own, as root, and is not waited for: how it ends is in the journal,
#     and does not change how the run of coreos-cloudinit ends.
#   - Its first line says what runs it; where that program is missing, it is bash.

set -eu
folder=/var/lib/machine-facts
mkdir -p "$folder"

if [ ! -s "$folder/secret" ]; then
  # Born unreadable, complete before it has its name.
  (umask 077 && head -c 32 /dev/urandom | base64 -w 0 > "$folder/secret.part")
  mv "$folder/secret.part" "$folder/secret"
  echo "made a new secret"
fi

{
  echo "name:   $(uname -n)"
  echo "kernel: $(uname -r)"
  echo "cpus:   $(nproc)"
  sed -n 's/^MemTotal: */memory: /p' /proc/meminfo
  sed -n 's/^PRETTY_NAME=/system: /p' /etc/os-release
} > "$folder/facts"

echo "noted what this machine is"

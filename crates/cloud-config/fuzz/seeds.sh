#!/bin/sh
# Writes the first inputs of all fuzz targets below the directory $1: the examples, the texts of the golden plans, the
# network descriptions of the tests, and SSH keys and modes from them.
set -eu
out=$1
cd "$(dirname "$0")/../../.."

for target in user_data yaml mime tokens decode ssh_keys permissions interfaces network_json convert; do
    mkdir -p "$out/$target"
done
# The text of a case is between its name and the first section.
awk -v out="$out/user_data/case" '
    /^=== / { file = sprintf("%s-%03d", out, ++n); next }
    /^--- (with|plan|findings)$/ { file = "" }
    file != "" { print > file }' tests/pure/plans/*.txt
cp examples/*.yml examples/*.sh "$out/user_data/"
cp "$out"/user_data/* "$out/yaml/"
cp "$out"/user_data/* "$out/tokens/"
cp "$out"/user_data/* "$out/convert/"
for case in tests/pure/conversions/*/; do
    cp "$case/user-data" "$out/convert/$(basename "$case")"
done
for file in "$out"/user_data/*; do
    printf -- '--B\nContent-Type: text/cloud-config\n\n%s\n--B--\n' "$(cat "$file")" > "$out/mime/${file##*/}"
    gzip -n < "$file" > "$out/decode/${file##*/}.gz"
    gzip -n < "$file" | base64 > "$out/decode/${file##*/}.b64"
done
grep -hoE '(ssh|ecdsa)-[a-z0-9-]+ AAAA[^"]*' tests/pure/plans/*.txt examples/* > "$out/ssh_keys/keys"
split -l 1 -a 4 "$out/ssh_keys/keys" "$out/ssh_keys/key-"
for mode in 0644 0o755 384 420 4755 99 rw-r--r-- 00644; do
    printf '%s' "$mode" > "$out/permissions/$mode"
done
# The same for network descriptions. Except for Debian's, the first line names the format.
for file in tests/pure/network/*.txt; do
    format=$(basename "$file" .txt)
    case $format in debian) dir=interfaces head= ;; *) dir=network_json head=$format ;; esac
    awk -v out="$out/$dir/$format" -v head="$head" '
        /^=== / { file = sprintf("%s-%03d", out, ++n); if (head != "") print head > file; next }
        /^--- / { file = "" }
        file != "" { print > file }' "$file"
done

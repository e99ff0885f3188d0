#!/bin/sh
# Tests the release, which is built with fewer features than the tests: smoke.sh PROGRAM. All examples are checked,
# printed, planned and applied to a tree. Then the files of the tree are changed, and the examples are planned again.
set -eu
program=$(realpath "$1")
cd "$(dirname "$0")/.."
tree=$(mktemp -d "${TMPDIR:-/tmp}/coreos-cloudinit.XXXXXX")
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
mkdir "$tree/etc"
# The user lookup of the tree needs these files.
cp /etc/passwd /etc/group "$tree/etc/"

# An example may fail with exit code 1, but not with a panic or a signal.
try() {
    code=0
    "$program" "$@" > "$tree/said" 2>&1 || code=$?
    if [ "$code" -gt 1 ] || grep -qE "panicked at|internal error" "$tree/said"; then
        echo "smoke: $* ended with $code:" >&2
        cat "$tree/said" >&2
        exit 1
    fi
}

for example in examples/*.yml examples/*.sh; do
    [ -e "$example" ] || continue
    for look in --validate --print-config --dry-run "--dry-run --show-diff" "--dry-run --format=json"; do
        # shellcheck disable=SC2086 # several words
        try --from-file="$example" --root="$tree" $look
    done
    try --from-file="$example" --root="$tree"
done
find "$tree" -type f ! -path "$tree/etc/passwd" ! -path "$tree/etc/group" ! -path "$tree/said" |
    while IFS= read -r file; do printf 'password=x\nPLAIN=1\n' > "$file"; done
shown=0
for example in examples/*.yml; do
    try --from-file="$example" --root="$tree" --dry-run --show-diff
    ! grep -q '^    @@ ' "$tree/said" || shown=$((shown + 1))
done
if [ "$shown" = 0 ]; then
    echo "smoke: no plan shows changed lines" >&2
    exit 1
fi
"$program" --help > /dev/null
"$program" --schema > /dev/null
echo "smoke: $("$program" --version) works on all examples; $shown plans show changed lines"

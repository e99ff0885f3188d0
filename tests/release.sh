#!/bin/sh
# Checks the programs that `make release` wrote: release.sh DIR (root). It prints a line for each check, and the sizes.
set -eu
dir=$(realpath "$1")
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
program() { echo "$dir/coreos-cloudinit-$version-$1"; }
x86=$(program x86_64-unknown-linux-gnu)
arm=$(program aarch64-unknown-linux-gnu)
static=$(program x86_64-unknown-linux-musl)
newest=2.28
largest=7000000
cyclonedx=11.12.0
work=$(mktemp -d "${TMPDIR:-/tmp}/coreos-cloudinit.XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() {
    echo "release: $*" >&2
    exit 1
}
for built in "$x86" "$arm" "$static"; do
    [ -x "$built" ] || fail "there is no $built; \`make release\` builds it"
done

# The files: checksums, sizes, and no path of this machine.
(cd "$dir" && sha256sum --check --quiet SHA256SUMS)
files=$(cd "$dir" && find . -type f ! -name SHA256SUMS | wc -l)
[ "$(wc -l < "$dir/SHA256SUMS")" = "$files" ] || fail "SHA256SUMS lists other files than those of $dir"
home=${CARGO_HOME:-$HOME/.cargo}
! grep --text --files-with-matches --fixed-strings -e "$PWD/" -e "$home/" "$dir"/* || fail "paths of this machine, see above"
for built in "$x86" "$arm" "$static"; do
    size=$(stat -c %s "$built")
    echo "size of $(basename "$built"): $size bytes"
    [ "$size" -le $largest ] || fail "$built is larger than $largest bytes"
done

# What they need: a glibc, or nothing.
for built in "$x86" "$arm"; do
    needed=$(readelf --wide --version-info "$built" | grep -o 'GLIBC_[0-9.]*' | cut -d _ -f 2 | sort -uV | tail -n 1)
    [ -n "$needed" ] || fail "$built has no versions of glibc"
    echo "glibc of $(basename "$built"): $needed"
    [ "$(printf '%s\n' "$needed" $newest | sort -V | tail -n 1)" = $newest ] || fail "$built needs glibc $needed"
done
readelf --wide --file-header "$arm" | grep -q 'Machine: *AArch64' || fail "$arm is not for arm64"
readelf --wide --program-headers "$static" > "$work/headers"
! grep -q INTERP "$work/headers" || fail "$static has an interpreter"
! readelf --wide --dynamic "$static" | grep -q NEEDED || fail "$static needs libraries"
echo "static: no interpreter and no libraries"

# The SBOMs, with the schema of CycloneDX.
tools=target/tools/cyclonedx-$cyclonedx
if [ ! -e "$tools/complete" ]; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet "cyclonedx-python-lib[json-validation]==$cyclonedx"
    touch "$tools/complete"
fi
for built in "$x86" "$arm" "$static"; do
    "$tools/bin/python" tests/sbom.py "$built.cdx.json" "$built"
done

# A static build says which accounts it does not see.
printf 'passwd: files\ngroup: files sss\n' > "$work/nsswitch.conf"
printf '#cloud-config\nwrite_files: [{path: /etc/x, content: x, owner: "root:no-such-group"}]\n' > "$work/config.yml"
said() {
    # shellcheck disable=SC2016 # the inner shell's
    unshare --mount sh -c 'mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf; "$2" --from-file="$1/config.yml" --dry-run' \
        sh "$work" "$1" 2>&1 || true
}
said "$static" | grep -q 'static build reads only /etc/passwd, /etc/group and a running nscd; sss in /etc/nsswitch.conf' ||
    fail "the static build is silent about nsswitch.conf"
! said "$x86" | grep -q 'static build' || fail "the build with glibc says that it is static"
echo "static: it names the databases of accounts that it does not read"

# The same output from all three, for all examples.
mkdir -p "$work/tree/etc"
cp /etc/passwd /etc/group "$work/tree/etc/"
cat > "$work/all.sh" <<'END'
set -eu
for example in examples/*.yml examples/*.sh; do
    for look in --validate "--validate --format=json" --print-config --convert-to=ignition --convert-to=butane \
        "--dry-run --root=$2" "--dry-run --show-diff --root=$2" "--dry-run --format=json --root=$2"; do
        echo "=== $example $look"
        # shellcheck disable=SC2086 # several words
        "$1" --from-file="$example" $look 2>&1 || echo "exit code $?"
    done
done
"$1" --schema
END
sh "$work/all.sh" "$x86" "$work/tree" > "$work/x86"
sh "$work/all.sh" "$static" "$work/tree" > "$work/static"
tests/testbed/emulate.sh sh "$work/all.sh" "$arm" "$work/tree" > "$work/arm"
for built in x86 static arm; do
    # Log lines begin with the time.
    sed -i -E 's/^[0-9-]{10}T[0-9:]{8}Z //' "$work/$built"
done
grep -q '^+ write /' "$work/x86" || fail "there is no plan in the output"
for other in static arm; do
    diff -u "$work/x86" "$work/$other" || fail "the output of the program for $other differs"
done
echo "output: $(grep -c '^===' "$work/x86") runs over the examples are the same for all three"

# And all examples applied to a tree.
packaging/smoke.sh "$x86"
packaging/smoke.sh "$static"
tests/testbed/emulate.sh packaging/smoke.sh "$arm"

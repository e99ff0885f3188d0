#!/bin/bash
# Makes a source archive with all dependencies, which builds without a network: dist.sh OUT.
# It has the files of the commit, and the same commit gives the same archive. `dist.sh OUT as-it-is` includes changes that
# are not committed, for tests.
set -eu
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$0")/.."
if ! git rev-parse --verify --quiet HEAD > /dev/null; then
    echo "dist: not a git repository; the archive has the files of a commit" >&2
    exit 1
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=coreos-cloudinit-$version
date=@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

work=$(mktemp -d "$out/.dist.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/$name"
if [ "${2:-}" = as-it-is ]; then
    git ls-files -z --cached --others --exclude-standard --deduplicate | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | tar -c --null --files-from=- | tar -x -C "$work/$name"
else
    [ -z "$(git status --porcelain)" ] || echo "dist: what is not committed is not in the archive" >&2
    git archive HEAD | tar -x -C "$work/$name"
fi
cd "$work/$name"
mkdir .cargo
"${CARGO:-cargo}" vendor --locked --quiet --versioned-dirs vendor > /dev/null
cat > .cargo/config.toml << 'END'
[source.crates-io]
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
END
tar --create --sort=name --mtime="$date" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --directory "$work" "$name" | xz --threads=0 > "$out/$name.tar.xz"
echo "$out/$name.tar.xz"

#!/bin/bash
# Makes an archive of the sources with all dependencies in it, which builds with no network: dist.sh OUT.
# It has what is committed, and the same commit makes the same archive. `dist.sh OUT as-it-is` takes the files as they are,
# for who tests what is not committed yet.
set -eu
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$0")/.."
if ! git rev-parse --verify --quiet HEAD > /dev/null; then
    echo "dist: this is no git repository: the archive is made of what is committed there" >&2
    exit 1
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=coreos-cloudinit-$version
date=@$(git log -1 --format=%ct)

rm -rf "${out:?}/$name"
mkdir "$out/$name"
if [ "${2:-}" = as-it-is ]; then
    git ls-files -z --cached --others --exclude-standard --deduplicate | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | tar -c --null --files-from=- | tar -x -C "$out/$name"
else
    [ -z "$(git status --porcelain)" ] || echo "dist: what is not committed is not in the archive" >&2
    git archive HEAD | tar -x -C "$out/$name"
fi
cd "$out/$name"
mkdir .cargo
"${CARGO:-cargo}" vendor --locked --quiet --versioned-dirs vendor > /dev/null
cat > .cargo/config.toml << 'END'
[source.crates-io]
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
END
tar --create --sort=name --mtime="$date" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --directory "$out" "$name" | xz --threads=0 > "$out/$name.tar.xz"
rm -rf "${out:?}/$name"
echo "$out/$name.tar.xz"

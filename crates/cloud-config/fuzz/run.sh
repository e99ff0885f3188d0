#!/bin/sh
# Fuzzes a target: crates/cloud-config/fuzz/run.sh TARGET SECONDS. It installs nothing. Failing inputs are written to
# target/fuzz/artifacts, and the corpus to target/fuzz/corpus.
set -eu
cd "$(dirname "$0")/../../.."
target=$1 seconds=$2
here=crates/cloud-config/fuzz
toolchain=${FUZZ_TOOLCHAIN:-nightly}

missing=
cargo fuzz --version > /dev/null 2>&1 || missing="$missing cargo-fuzz (cargo install cargo-fuzz);"
rustc "+$toolchain" --version > /dev/null 2>&1 || missing="$missing the toolchain $toolchain (rustup toolchain install $toolchain);"
command -v c++ > /dev/null || missing="$missing a C++ compiler (apt-get install g++);"
if [ -n "$missing" ]; then
    echo "fuzz: missing:$missing" >&2
    exit 1
fi
if [ ! -f "$here/targets/$target.rs" ]; then
    echo "fuzz: TARGET is one of: $(cd $here/targets && echo *.rs | sed 's/\.rs//g')" >&2
    exit 1
fi

case $target in
    user_data | yaml | convert) words=cloud-config ;;
    *) words=$target ;;
esac
dictionary=
if [ -f "$here/dictionaries/$words.dict" ]; then dictionary=-dict=$here/dictionaries/$words.dict; fi
out=target/fuzz
[ -d "$out/corpus/$target" ] || "$here/seeds.sh" "$out/corpus"
mkdir -p "$out/artifacts/$target" "tests/inputs/$target"
# shellcheck disable=SC2086 # no dictionary is no argument
exec cargo "+$toolchain" fuzz run --fuzz-dir "$here" --target-dir "$out" "$target" "$out/corpus/$target" "tests/inputs/$target" -- \
    -max_total_time="$seconds" -timeout=25 -rss_limit_mb=1024 -max_len=20000 $dictionary \
    -artifact_prefix="$out/artifacts/$target/"

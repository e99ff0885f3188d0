# Read by the scripts that build packages, in the root of the sources: the version, the time, and the program's machine.
# shellcheck shell=sh

# shellcheck disable=SC2034 # for the script that reads this file
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# The same sources give the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || stat -c %Y Cargo.lock)}
export SOURCE_DATE_EPOCH

# Prints a name, for the place of the text of a sed command `s|…|…|`. $1 is its variable, $2 its value.
line() {
    case $2 in *'
'*) echo "$(basename "$0" .sh): $1: contains a line break" >&2; return 1 ;; esac
    printf %s "$2" | sed 's/[|&\\]/\\&/g'
}

# Prints $2 for an ELF file of x86-64, and $3 for one of arm64.
machine() {
    case $(od -An -v -tx1 -N 20 "$1" | tr -d ' \n') in
        7f454c4602*3e00) echo "$2" ;;
        7f454c4602*b700) echo "$3" ;;
        *) echo "$(basename "$0" .sh): $1 is not a program for x86-64 or arm64" >&2; return 1 ;;
    esac
}

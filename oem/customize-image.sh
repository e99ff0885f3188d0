#!/bin/bash
# Verifies a downloaded image of Container Linux or Flatcar, and writes a copy of it with another OEM partition:
#   customize-image.sh IMAGE --signature SIG --key KEYRING --oem NAME --output FILE [OPTION...]
#   IMAGE        as downloaded: raw or qcow2, also compressed (.bz2, .gz, .zst)
#   --signature  its detached OpenPGP signature
#   --key        a binary keyring; every key in it is trusted
#   --oem        the platform of oem/ whose cloud-config the image gets
#   --output     the raw image to write; must not exist
#   --user-data  user-data for every machine that boots the image
#   --program    coreos-cloudinit for the image, used in place of the one in its /usr
#   --allow-expired-key
#                accepts a signature whose key has expired since it was made
# Needs no root. Changes nothing but --output, and writes that only if everything has succeeded.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
unset CDPATH
oems=$(cd "$(dirname "$(realpath "$0")")" && pwd)

# The errors of commands are in a log; messages are not.
exec 3>&2
is_reported=''
die() {
    is_reported=yes
    echo "customize-image: $*; image not written" >&3
    exit 1
}

# Options.
image='' signature='' key='' oem='' output='' user_data='' program='' allow_expired=''
while [ $# != 0 ]; do
    case $1 in
        --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
    esac
    case $1 in
        --signature | --key | --oem | --output | --user-data | --program)
            [ -n "${2:-}" ] || die "$1: missing value"
            name=${1#--}
            printf -v "${name/-/_}" %s "$2"
            shift 2
            ;;
        --allow-expired-key)
            allow_expired=yes
            shift
            ;;
        -h | --help)
            sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
            exit
            ;;
        -*) die "$1: unknown option, see --help" ;;
        *)
            [ -z "$image" ] || die "$1: more than one image"
            image=$1
            shift
            ;;
    esac
done
[ -n "$image" ] || die "IMAGE: missing"
for name in signature key oem output; do [ -n "${!name}" ] || die "--$name: missing"; done
for file in "$image" "$signature" "$key" ${user_data:+"$user_data"} ${program:+"$program"}; do
    [[ -f $file && -r $file ]] || die "$file: not a readable file"
done
[ -z "$user_data" ] || [ -s "$user_data" ] || die "$user_data: empty"
need() { command -v "$1" > /dev/null || die "$1: missing program, from the package $2"; }
for tool in dd head od stat; do need $tool coreutils; done
# A 64-bit ELF file for x86-64 or arm64 that does not end before its table of sections.
if [ -n "$program" ]; then
    number() { head -c 64 -- "$program" | od -An -v --endian=little -t "u$2" -j "$1" -N "$2" | tr -d ' '; }
    case $(head -c 20 -- "$program" | od -An -v -tx1 | tr -d ' \n') in
        7f454c4602*3e00 | 7f454c4602*b700) ;;
        *) die "$program: not a program for x86-64 or arm64" ;;
    esac
    [ $(($(number 40 8) + $(number 58 2) * $(number 60 2))) -le "$(stat -c %s -- "$program")" ] ||
        die "$program: incomplete"
fi
config=$oems/$oem/cloud-config.yml
case $oem in
    */* | .*) die "$oem: unknown platform" ;;
esac
if [ ! -f "$config" ]; then
    known=$(cd "$oems" && echo */cloud-config.yml)
    die "$oem: unknown platform, not one of ${known//\/cloud-config.yml/}"
fi
[[ ! -e $output && ! -L $output ]] || die "$output: exists already"
directory=$(realpath -e -- "$(dirname -- "$output")" 2> /dev/null) || die "$output: its directory does not exist"

need gpgv gpgv
for tool in partx blkid setsid; do need $tool util-linux; done
for tool in cmp diff; do need $tool diffutils; done
need awk mawk
case $image in
    *.bz2) unpack=bzip2 && need bzip2 bzip2 ;;
    *.gz) unpack=gzip && need gzip gzip ;;
    *.zst) unpack=zstd && need zstd zstd ;;
    *) unpack='' ;;
esac

# Everything happens in a directory beside the output, so that the last step is a rename. Commands run in a process group
# of their own: a signal ends them at once, and then the directory is removed.
work=''
clean() {
    code=$?
    trap '' HUP INT TERM
    [ $code = 0 ] || [ -n "$is_reported" ] || echo "customize-image: failed, the disk may be full; image not written" >&3
    for child in $(jobs -p); do kill -KILL -- "-$child" "$child" 2> /dev/null || true; done
    wait
    [ -z "$work" ] || rm -rf -- "$work"
}
trap clean EXIT
trap 'die "interrupted"' HUP INT TERM
run() {
    setsid "$@" &
    wait $!
}
work=$(mktemp -d "$directory/.customize-image.XXXXXXXX") || die "$output: its directory cannot be written"

# A private copy: nothing can change it between the verification and its use.
copy() { run cp --reflink=auto --no-preserve=mode -- "$1" "$work/$2" 2> /dev/null || die "$1: failed to copy"; }
copy "$image" download
copy "$signature" signature
copy "$key" keyring
[ -z "$user_data" ] || copy "$user_data" user_data
[ -z "$program" ] || copy "$program" coreos-cloudinit
# From here on, all names are relative: gpgv reads a path with a colon as a URL.
cd "$work"
[ "$(head -c 5 keyring | tr -d '\0')" != ----- ] || die "$key: armored keyring, convert it with gpg --dearmor"

# The exit code of gpgv is 0 for signatures of expired and revoked keys as well.
run gpgv --homedir . --keyring ./keyring --status-fd 1 signature download > status 2> /dev/null || true
has() { grep -q "^\[GNUPG:] $1 " status; }
! has BADSIG || die "$image: the signature does not match, the file was changed or is incomplete"
! has NO_PUBKEY || die "$image: signed with a key that is not in $key"
! has REVKEYSIG || die "$image: signed with a revoked key"
! has EXPSIG || die "$image: the signature has expired"
! has NODATA || die "$signature: not a signature"
! has ERRSIG || die "$image: the signature cannot be checked"
has VALIDSIG || die "$signature: not a valid detached signature"
has GOODSIG || has EXPKEYSIG || die "$signature: not a valid detached signature"
signer=$(awk '$2 == "VALIDSIG" { print $NF; exit }' status)

# A signature by an expired key needs an option even if it is older than the end of the key: its date is a claim, which an
# attacker with the old key can set. gpgv does not print when the key expired, nor that an expired key is also revoked.
if has EXPKEYSIG; then
    command -v gpg > /dev/null || die "$image: signed with an expired key, of which only gpg (missing) prints the dates"
    run gpg --batch --no-options --homedir . --with-colons --show-keys keyring > keys 2> /dev/null || true
fi
day() { date -u -d "@$1" +%F; }
# Prints the validity and the end of a key with this fingerprint; 0 is no end.
ends() { awk -F: -v key="$1" '/^(pub|sub):/ { row = $2 " " $7 + 0 } $1 == "fpr" && $10 == key { print row }' keys; }
while read -r _ _ subkey _ made _ _ _ _ _ _ primary; do
    [ "$made" -le "$(date +%s)" ] || die "$image: signed on $(day "$made"), which is in the future"
    has EXPKEYSIG || continue
    for part in "$subkey" "$primary"; do
        rows=$(ends "$part")
        [ -n "$rows" ] || die "$image: signed with an expired key whose dates cannot be read"
        while read -r validity end; do
            [[ $validity != [rid]* ]] || die "$image: signed with a revoked key"
            [ "$end" != 0 ] || continue
            [ "$made" -lt "$end" ] ||
                die "$image: signed on $(day "$made") with a key that had expired on $(day "$end")"
            [[ $end -gt $(date +%s) || -n $allow_expired ]] ||
                die "$image: signed on $(day "$made") with a key that expired on $(day "$end"), see --allow-expired-key"
        done <<< "$rows"
    done
done < <(grep '^\[GNUPG:] VALIDSIG ' status)

# Blocks of zeros are not stored.
if [ -n "$unpack" ]; then
    # shellcheck disable=SC2016 # expanded by the inner shell
    run bash -c 'set -o pipefail; "$1" -dc < "$2" | dd of="$3" bs=1M iflag=fullblock conv=sparse status=none' - \
        "$unpack" download unpacked 2> /dev/null || die "$image: failed to unpack"
    mv unpacked download
fi
hex() { od -An -v -tx1 -j "$1" -N "$2" download 2> /dev/null | tr -d ' \n'; }
first=$(hex 0 8)
if [[ $first == 514649fb* ]]; then
    need qemu-img qemu-utils
    # qemu-img opens the files that the header names, even to print their names. Bit 2 of the incompatible features, which
    # version 2 does not have, is an external data file.
    [[ $(hex 8 8) != *[^0]* ]] || die "$image: qcow2 with a backing file"
    [[ $first == *00000002 || $(hex 79 1) != ?[4-7c-f] ]] || die "$image: qcow2 with an external data file"
    run qemu-img convert -f qcow2 -O raw download image > /dev/null 2>&1 || die "$image: failed to convert from qcow2"
    rm download
else
    mv download image
fi

# The OEM partition, by its label.
if ! rows=$(partx --raw --noheadings --output SCHEME,NR,START,SECTORS,NAME image 2> /dev/null | grep '^gpt .* OEM$'); then
    case $first in
        1f8b* | 425a68* | 28b52ffd* | fd377a58*) die "$image: compressed, but its name does not end in .bz2, .gz or .zst" ;;
        4b444d56*) die "$image: unsupported format VMDK" ;;
        636f6e6563746978) die "$image: unsupported format VHD" ;;
    esac
    [ "$(dd if=image bs=4096 skip=1 count=1 status=none | head -c 8 | tr -d '\0')" != 'EFI PART' ] ||
        die "$image: unsupported sector size 4096"
    die "$image: no GPT partition with the label OEM"
fi
[ "$(wc -l <<< "$rows")" = 1 ] || die "$image: more than one partition with the label OEM"
read -r _ number start_sector sectors _ <<< "$rows"
run dd if=image of=part bs=1M iflag=skip_bytes,count_bytes skip=$((start_sector * 512)) count=$((sectors * 512)) conv=sparse \
    status=none 2> log || die "$image: failed to copy the OEM partition: $(tail -n 1 log)"
[ "$(stat -c %s part)" = $((sectors * 512)) ] || die "$image: partition $number ends after the image"

# The files to write, and the units that use them. The mount comes first: everything after it runs the new program.
files=cloud-config.yml units=''
if [ -n "$program" ]; then
    files="$files coreos-cloudinit"
    units+='
    - name: usr-bin-coreos\x2dcloudinit.mount
      command: start
      runtime: true
      content: |
        [Unit]
        Description=coreos-cloudinit of the OEM partition
        ConditionFileIsExecutable=/usr/share/oem/coreos-cloudinit

        [Mount]
        What=/usr/share/oem/coreos-cloudinit
        Where=/usr/bin/coreos-cloudinit
        Type=none
        Options=bind,ro'
fi
if [ -n "$user_data" ]; then
    files="$files user_data"
    units+='
    - name: user-cloudinit@usr-share-oem-user_data.path
      command: start'
fi
if [ -z "$units" ]; then
    cat "$config" > cloud-config.yml
else
    # The environment keeps the backslash, which a variable of awk does not.
    UNITS=${units#?} awk '
        { print }
        /^  units:$/ { print ENVIRON["UNITS"]; found = 1 }
        END { if (!found) print "\n  units:\n" ENVIRON["UNITS"] }' "$config" > cloud-config.yml
fi
chmod 644 cloud-config.yml
[ -z "$user_data" ] || chmod 600 user_data
[ -z "$program" ] || chmod 755 coreos-cloudinit

# Changes the partition, one function per file system, then reads the files back.
failed() { die "$image: failed to change the OEM partition ($type): $1"; }
change_ext() {
    need debugfs e2fsprogs
    need e2fsck e2fsprogs
    # A correction can remove files. The second check also finds an unfinished journal.
    for options in -fn -fp; do run e2fsck $options part > log 2>&1 || failed "damaged, or not unmounted cleanly"; done
    for file in $files; do
        mode=0100$(stat -c %a "$file")
        printf '%s\n' "rm $file" "write $file $file" "sif $file mode $mode" "sif $file uid 0" "sif $file gid 0"
    done > commands
    run debugfs -w -f commands part > log 2>&1 || failed debugfs
    run e2fsck -fn part > log 2>&1 || failed "damaged by the change, or full"
    for file in $files; do
        debugfs -R "dump $file back" part > log 2>&1 || true
        cmp -s "$file" back 2> /dev/null || failed "$file is incomplete, the file system may be full"
        rm -f back
    done
}
change_vfat() {
    need mcopy mtools
    for file in $files; do
        run mcopy -o -i part "$file" "::/$file" > log 2>&1 || failed "$(tail -n 1 log)"
        mcopy -n -i part "::/$file" back > log 2>&1 || true
        cmp -s "$file" back 2> /dev/null || failed "$file is incomplete"
        rm -f back
    done
}
# Prints the mode, the owner and the extended attributes of every file and directory except $files, once for each name.
btrfs_metadata() {
    btrfs inspect-internal dump-tree -t 5 "$1" | awk -v files=" $files " '
        / key \(/ && $1 == "item" { inode = substr($4, 2); type = $5 }
        / mode / { count[inode] = $5 ~ /^4....$/ ? 1 : $7; row[inode] = $5 " " $9 ":" $11 }
        type == "XATTR_ITEM" && ($1 == "name:" || $1 == "data") { row[inode] = row[inode] $0 }
        $1 == "location" { target = substr($3, 2) }
        type == "DIR_INDEX" && inode == 256 && $1 == "name:" && index(files, " " $2 " ") { is_ours[target] = 1 }
        END { for (inode in row) while (!is_ours[inode] && count[inode]-- > 0) print row[inode] }' | sort
}
# There is no tool that changes btrfs without mounting it, so this one is written again with the same files.
change_btrfs() {
    need btrfs btrfs-progs
    need mkfs.btrfs btrfs-progs
    need fakeroot fakeroot
    btrfs inspect-internal dump-super part > super 2> log || failed "damaged file system"
    id=$(awk '$1 == "fsid" { print $2 }' super)
    # The tools for btrfs find all devices with the UUID.
    [[ ! -e /sys/fs/btrfs/$id && ! -e /dev/disk/by-uuid/$id ]] ||
        failed "this machine has another file system with its UUID $id, unmount and detach it"
    run btrfs check --readonly part > log 2>&1 || failed "damaged file system"
    btrfs inspect-internal dump-tree part > tree.txt 2> log || failed "damaged file system"
    ! grep -qE 'ROOT_REF|location key \([0-9]+ ROOT_ITEM' tree.txt || failed "subvolumes are unsupported"
    # `btrfs restore` would follow `../` in a name. A line that is not as long as its name has a line break in it.
    problem=$(awk '
        length_of_name {
            name = substr($0, 9)
            if (substr($0, 1, 8) != "\t\tname: " || length(name) != length_of_name || name ~ /^\.\.?$|\//) {
                print "unsafe file name"
                exit
            }
        }
        { length_of_name = $(NF - 1) == "name_len" ? $NF : 0 }
        $1 == "location" && $NF !~ /^(FILE|DIR|SYMLINK|XATTR)$/ { print "unsupported special file (" $NF ")"; exit }
    ' tree.txt)
    [ -z "$problem" ] || failed "$problem"
    options=()
    grep -qw MIXED_GROUPS super && options+=(--mixed)
    # mkfs.btrfs enables these by default; old kernels and boot loaders may not support them.
    grep -qw NO_HOLES super || options+=(-O ^no-holes)
    grep -qw FREE_SPACE_TREE super || options+=(-R ^free-space-tree)
    label=$(awk '$1 == "label" { sub(/^label[ \t]*/, ""); print }' super)
    [ -z "$label" ] || options+=(-L "$label")
    options+=(-U "$id" -d single -m single)
    for name in nodesize sectorsize; do options+=("--$name" "$(awk -v name=$name '$1 == name { print $2 }' super)"); done
    options+=(--csum "$(awk '$1 == "csum_type" { gsub(/[()]/, ""); print $3 }' super)")
    btrfs_metadata part > metadata
    truncate -s $((sectors * 512)) new
    # shellcheck disable=SC2016 # expanded by the inner shell
    run fakeroot -- bash -c '
        set -eu
        mkdir tree back
        btrfs restore -m -S -x part tree
        chmod 755 tree
        for file in $1; do rm -f "tree/$file"; cp "$file" "tree/$file"; chmod "$(stat -c %a "$file")" "tree/$file"; done
        chown 0:0 $(for file in $1; do echo "tree/$file"; done)
        shift
        BLKID_FILE=/dev/null mkfs.btrfs -q -f "$@" --rootdir tree new
        btrfs restore -m -S -x new back
        diff -r --no-dereference tree back' - "$files" "${options[@]}" > log 2>&1 < /dev/null ||
        failed "the files do not fit or cannot be copied: $(tail -n 1 log)"
    # mkfs.btrfs enlarges the image if the files do not fit; it would then overwrite the next partition.
    [ "$(stat -c %s new)" = $((sectors * 512)) ] || failed "the files do not fit"
    run btrfs check --readonly new > log 2>&1 || failed "damaged by the change"
    btrfs_metadata new | diff metadata - > log || failed "its modes, owners and attributes cannot be kept: $(sed -n 2p log)"
    mv new part
}
type=$(blkid -p -o value -s TYPE part 2> /dev/null) || die "$image: unknown file system on the OEM partition"
case $type in
    ext[234]) change_ext ;;
    vfat) change_vfat ;;
    btrfs) change_btrfs ;;
    *) die "$image: unsupported file system $type on the OEM partition" ;;
esac

run dd if=part of=image bs=1M oflag=seek_bytes seek=$((start_sector * 512)) conv=notrunc,fsync status=none ||
    die "$output: failed to write"
mv -nT -- image "$directory/$(basename -- "$output")" || die "$output: failed to rename"
[ ! -e image ] || die "$output: exists already"
cd /
# The image is written, even if this line is not read.
trap '' PIPE
echo "customize-image: wrote $output for $oem: OEM partition $number ($type), signed by $signer" 2> /dev/null || true

#!/bin/bash
# Exchanges streams with the stock btrfs programs, over random histories on a loop device.
#
#   Tests/btrfs_interop.sh [COWPATH [SEEDS [FIRST]]]
#
# Theirs to ours: `btrfs send` in every protocol, received into a volume and into a directory.
# Ours to theirs: snapshots imported into a volume, sent as btrfs streams, received by `btrfs receive`.
# Every result is compared with the snapshot it came from, in everything, by compare_trees.py.
#
# Exit status: 0 all the same, 1 not, 77 skipped for the reason that is printed.
# KEEP=DIRECTORY keeps the stream of every failure there.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cowpath=${1:-${COWPATH:-$here/../.build/release/cowpath}}
seeds=${2:-3}
first=${3:-1}

skip() {
    echo "btrfs_interop: skipped: $1"
    exit 77
}

[ -x "$cowpath" ] || { echo "btrfs_interop: no program at $cowpath: build it first" >&2; exit 1; }
cowpath=$(realpath "$cowpath")
[ "$(id -u)" = 0 ] || skip "needs root, to mount and to make device nodes"
for program in btrfs mkfs.btrfs mkfs.ext4 python3; do
    command -v "$program" >/dev/null || skip "needs $program"
done
[ -e /dev/loop-control ] || skip "needs loop devices"
grep -qw btrfs /proc/filesystems || modprobe btrfs 2>/dev/null || skip "the kernel has no btrfs"

work=$(mktemp -d "${TMPDIR:-/tmp}/cowpath-interop.XXXXXX")
cleanup() {
    local place
    for place in source target plain; do
        mountpoint -q "$work/$place" && umount "$work/$place"
    done
    rm -rf "$work"
}
trap cleanup EXIT

mounted() { # NAME OPTIONS MKFS...
    local name=$1 options=$2
    shift 2
    truncate -s 2G "$work/$name.img"
    "$@" -q "$work/$name.img" >"$work/error" 2>&1 || { cat "$work/error"; return 1; }
    mkdir "$work/$name"
    mount -o "loop,$options" "$work/$name.img" "$work/$name" 2>"$work/error" \
        || skip "cannot mount: $(tail -n 1 "$work/error")"
}
mounted source compress=zstd mkfs.btrfs
mounted target rw mkfs.btrfs
# Extended attributes as long as btrfs has them need inodes of their own on ext4.
mounted plain rw mkfs.ext4 -O ea_inode

passed=0
failed=0

# Counts one comparison; what went wrong before it is in $work/error.
judge() { # STATUS WHAT
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    echo "FAILED: $2"
    head -n 8 "$work/error" | sed 's/^/    /'
    if [ -n "${KEEP:-}" ]; then
        mkdir -p "$KEEP"
        cp "$work/stream" "$KEEP/$(tr -c 'A-Za-z0-9.\n' - <<<"$2").stream" 2>/dev/null || true
    fi
}

# Runs a command; status 2 is taken for success where a place cannot hold everything.
ran() { # ALLOWED-STATUS COMMAND...
    local allowed=$1 status=0
    shift
    "$@" >"$work/error" 2>&1 </dev/null || status=$?
    [ "$status" = 0 ] || [ "$status" = "$allowed" ]
}

same() { # LEFT RIGHT OPTIONS...
    [ -d "$2" ] || { echo "nothing was made at $2" >>"$work/error"; return 1; }
    python3 "$here/compare_trees.py" --quiet --holes ignore "$@" >"$work/error" 2>&1
}

into_volume() { # DATASET NAME ORIGINAL
    ran 0 "$cowpath" receive -q -f "$work/stream" "$1" || return 1
    restored "$1@$2" "$3"
}

restored() { # SNAPSHOT ORIGINAL
    local out=$work/target/restored status=0
    rm -rf "$out"
    ran 0 "$cowpath" restore "$1" "$out" && same "$2" "$out" || status=1
    rm -rf "$out"
    return "$status"
}

into_directory() { # DIRECTORY NAME ORIGINAL
    # What btrfs alone has, its compression property, cannot be kept here and is reported with status 2.
    ran 2 "$cowpath" receive -q -f "$work/stream" "$1" || return 1
    same "$3" "$1/$2" --skip-xattr btrfs.
}

# `btrfs send` of every snapshot, each from the one before it, into a volume and into a directory.
theirs_to_ours() { # SEED LABEL OPTIONS...
    local seed=$1 label=$2 snapshot name dataset number options
    shift 2
    local volume=$work/volume-$seed-$label directory=$work/plain/$seed-$label
    ran 0 "$cowpath" create "$volume" || { judge 1 "seed $seed $label: create"; return; }
    mkdir "$directory"
    while IFS= read -r snapshot; do
        name=${snapshot##*/}
        dataset=${name%.*}
        number=${name##*.}
        options=("$@")
        if [ "$number" -gt 0 ]; then
            options+=(-p "${snapshot%.*}.$((number - 1))")
            [ "$dataset" = a ] || options+=(-c "${snapshot%/*}/a.$number")
        fi
        btrfs send -q "${options[@]}" -f "$work/stream" "$snapshot"
        into_volume "$volume/$dataset" "$name" "$snapshot" && judge 0 || judge 1 "seed $seed $label: $name into a volume"
        into_directory "$directory" "$name" "$snapshot" && judge 0 \
            || judge 1 "seed $seed $label: $name into a directory"
    done <"$work/list"
    rm -rf "$volume" "$directory"
}

# Several subvolumes in one stream. With -c each has the one before it for a parent, a line as a volume keeps it; with
# -p all have the same one, and lie beside each other in a directory.
several_in_one_stream() { # SEED
    local volume=$work/volume-$1-several directory=$work/plain/$1-several base
    base=$work/source/$1/a
    ran 0 "$cowpath" create "$volume" || { judge 1 "seed $1 several: create"; return; }
    btrfs send -q -f "$work/stream" "$base.0"
    into_volume "$volume/a" a.0 "$base.0" && judge 0 || judge 1 "seed $1 several: a.0"
    btrfs send -q -c "$base.0" -f "$work/stream" "$base.1" "$base.2"
    into_volume "$volume/a" a.2 "$base.2" && judge 0 || judge 1 "seed $1 several: a.2"
    restored "$volume/a@a.1" "$base.1" && judge 0 || judge 1 "seed $1 several: a.1"

    mkdir "$directory"
    btrfs send -q -f "$work/stream" "$base.0"
    into_directory "$directory" a.0 "$base.0" && judge 0 || judge 1 "seed $1 several: a.0 into a directory"
    btrfs send -q -p "$base.0" -f "$work/stream" "$base.1" "$base.2"
    into_directory "$directory" a.1 "$base.1" && judge 0 || judge 1 "seed $1 several: a.1 into a directory"
    same "$base.2" "$directory/a.2" --skip-xattr btrfs. && judge 0 \
        || judge 1 "seed $1 several: a.2 into a directory"
    rm -rf "$volume" "$directory"
}

# The history imported, then every snapshot sent as a btrfs stream to `btrfs receive`.
ours_to_theirs() { # SEED
    local seed=$1 number=0 protocol base original options place
    local volume=$work/volume-$seed-ours
    ran 0 "$cowpath" create "$volume" || { judge 1 "seed $seed ours: create"; return; }
    while original=$work/source/$seed/a.$number; [ -d "$original" ]; do
        ran 0 "$cowpath" import "$original" "$volume/a@s$number" && restored "$volume/a@s$number" "$original" \
            && judge 0 || judge 1 "seed $seed: import of a.$number"
        number=$((number + 1))
    done
    for protocol in 1 2; do
        for ((base = 0; base < number; base++)); do
            options=(--format btrfs --proto "$protocol")
            [ "$base" = 0 ] || options+=(-p "$volume/a@s$((base - 1))")
            place=$work/target/ours-$seed-$protocol-$base
            mkdir "$place"
            rm -f "$work/stream"
            ran 0 "$cowpath" send -q "${options[@]}" -f "$work/stream" "$volume/a@s$base" \
                && ran 0 btrfs receive -q -f "$work/stream" "$place" \
                && same "$work/source/$seed/a.$base" "$(echo "$place"/*)" \
                && judge 0 || judge 1 "seed $seed: a.$base to btrfs receive, protocol $protocol"
        done
    done
    rm -rf "$volume"
}

for ((seed = first; seed < first + seeds; seed++)); do
    echo "seed $seed"
    mkdir "$work/source/$seed"
    python3 "$here/btrfs_history.py" "$work/source/$seed" --seed "$seed" --subvolumes 2 --snapshots 3 >"$work/list"
    theirs_to_ours "$seed" protocol-1 --proto 1
    theirs_to_ours "$seed" protocol-2 --proto 2
    theirs_to_ours "$seed" compressed --proto 2 --compressed-data
    several_in_one_stream "$seed"
    ours_to_theirs "$seed"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

#!/bin/bash
# The main job on real input: two versions of the Linux kernel's source become two snapshots, which are sent in full
# and incrementally to a second volume and into a directory, restored, and compared with what they were made from.
# Run by `make demo`. The source is fetched once, into .build-demo.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
COWPATH=$(realpath "${COWPATH:-$here/.build/release/cowpath}")
export LC_ALL=C
work=${DEMO_DIRECTORY:-$here/.build-demo}

"$here/Benchmarks/kernel-sources" "$work/kernel"
cd "$work"
rm -rf tree laptop server mirror restored ./*.stream

cowpath() { "$COWPATH" "$@"; }

# Shows a command as it would be typed, runs it, and says how long it took.
step() {
    local command=$1 start end
    printf '\n$ %s\n' "$command"
    start=$(date +%s%N)
    eval "$command"
    end=$(date +%s%N)
    printf '  %d.%02d s\n' $(((end - start) / 1000000000)) $(((end - start) / 10000000 % 100))
}

size() {
    printf '  %s: %s MB\n' "$1" "$(du -s --block-size=1000000 --total "${@:2}" | tail -n 1 | cut -f1)"
}

# Both ways of looking must find nothing.
same() {
    local left=$1 right=$2
    diff -r --no-dereference "$left" "$right"
    local changes
    changes=$(rsync -aniHAX --delete "$left/" "$right/")
    if [ -n "$changes" ]; then
        head -n 20 <<<"$changes"
        echo "$left and $right differ"
        exit 1
    fi
    echo "  $left and $right are the same: diff -r --no-dereference and rsync -aniHAX --delete print nothing"
}

{ read -r old; read -r new; } <kernel/versions
echo "A source tree: $old, updated in place to $new"
cp -a kernel/old tree
echo "  $(find tree | wc -l) inodes, $(du -s --apparent-size --block-size=1000000 tree | cut -f1) MB"

step 'cowpath create laptop'
step 'cowpath import tree laptop/linux@old'
# An update as git or patch makes it: what has not changed keeps its inode and its times.
rsync -rlpgoD --checksum --delete kernel/new/ tree/
step 'cowpath import tree laptop/linux@new'
size 'the volume, with both' laptop
step 'cowpath list laptop'
step 'cowpath diff laptop/linux@old laptop/linux@new | wc -l'

step 'cowpath create server'
step 'cowpath send laptop/linux@old | cowpath receive server/linux'
step 'cowpath send -p laptop/linux@old laptop/linux@new | cowpath receive server/linux'
size 'the second volume' server

step 'cowpath send -f full.stream laptop/linux@old'
step 'cowpath send -p laptop/linux@old -f incremental.stream laptop/linux@new'
size 'the full stream' full.stream
size 'the incremental stream' incremental.stream
step 'cowpath verify full.stream'
mkdir mirror
step 'cowpath receive -f full.stream mirror'
step 'cowpath receive -f incremental.stream mirror'

mkdir restored
step 'cowpath restore server/linux@old restored/old'
step 'cowpath restore server/linux@new restored/new'

echo
same kernel/old restored/old
same tree restored/new
same kernel/old mirror/old
same tree mirror/new
rm -rf tree laptop server mirror restored ./*.stream

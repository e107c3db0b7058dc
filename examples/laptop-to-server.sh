#!/bin/bash
# A laptop with little room and a server with much: every day a snapshot is taken and sent, and the laptop keeps only
# a bookmark of it. The bookmark is all that the next day's incremental send needs.
#
#   examples/laptop-to-server.sh [LAPTOP SERVER]
#
# LAPTOP is volume (a folder is imported into it) or btrfs (snapshots of a subvolume); SERVER is volume, btrfs or
# directory. Without them volume to volume, and with root and loop devices btrfs to each server.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
COWPATH=$(realpath "${COWPATH:-$here/.build/release/cowpath}")

# Why there can be no btrfs here; nothing where there can.
obstacle() {
    [ "$(id -u)" = 0 ] || { echo "needs root, to mount"; return; }
    [ -e /dev/loop-control ] || { echo "needs loop devices"; return; }
    command -v mkfs.btrfs >/dev/null || { echo "needs mkfs.btrfs"; return; }
    grep -qw btrfs /proc/filesystems || modprobe btrfs 2>/dev/null || echo "the kernel has no btrfs"
}

if [ $# -lt 2 ]; then
    "$0" volume volume
    for server in volume btrfs directory; do
        printf '\n== a laptop with btrfs, and a %s as the server\n' "$server"
        if [ -n "$(obstacle)" ]; then
            echo "skipped: $(obstacle)"
        else
            "$0" btrfs "$server"
        fi
    done
    exit
fi
kind=$1
server=$2

work=$(mktemp -d "${TMPDIR:-/tmp}/cowpath-laptop.XXXXXX")
cleanup() {
    for place in laptop server; do
        if mountpoint -q "$work/$place"; then umount "$work/$place"; fi
    done
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work"

cowpath() { "$COWPATH" "$@"; }

# The kilobytes that a folder takes on disk, holes not counted, or a file system of its own.
used() {
    if mountpoint -q "$1"; then
        btrfs -q subvolume sync "$1"
        sync -f "$1"
        df -k --output=used "$1" | tail -n 1
    else
        du -sk "$1" | cut -f1
    fi
}

mounted() {
    truncate -s 400M "$1.img"
    mkfs.btrfs -q -m single "$1.img" 2>/dev/null
    mkdir "$1"
    # Space is given back by a thread that wakes as often as it commits.
    mount -o loop,commit=1 "$1.img" "$1"
}

# Numbers that do not compress away, the same in every run.
noise() { python3 -c "import random, sys; sys.stdout.buffer.write(random.Random($1).randbytes($2))"; }

# What a day does to a home folder: a large file replaced, text added, a folder renamed, something deleted.
live_through() {
    local day=$1
    noise "$day" 4000000 >home/video.part
    mv home/video.part home/video
    mkdir -p "home/notes-$((day - 1))"
    mv "home/notes-$((day - 1))" "home/notes-$day"
    seq "$day" "$day"000 >"home/notes-$day/day-$day.txt"
    ln -sf "notes-$day/day-$day.txt" home/latest
    [ "$day" -lt 3 ] || rm -f "home/notes-$day/day-$((day - 2)).txt"
    ln -f "home/notes-$day/day-$day.txt" home/today.txt
    chmod 600 "home/notes-$day/day-$day.txt"
}

# A laptop is a place for snapshots (`snapshot_of` a day) and bookmarks (`bookmark_of` a day) of the folder home.
case $kind in
volume)
    mkdir home
    cowpath create laptop
    snapshot_of() { echo "laptop/home@day-$1"; }
    bookmark_of() { echo "laptop/home#day-$1"; }
    take() { cowpath import home "$(snapshot_of "$1")"; }
    forget() { cowpath destroy "$(bookmark_of "$1")"; }
    ;;
btrfs)
    mounted laptop
    btrfs -q subvolume create laptop/home >/dev/null
    ln -s laptop/home home
    snapshot_of() { echo "laptop/day-$1"; }
    bookmark_of() { echo "laptop/day-$1.bookmark"; }
    take() { cowpath snapshot laptop/home "$(snapshot_of "$1")"; }
    forget() { rm "$(bookmark_of "$1")"; }
    ;;
esac

# A server is where streams are received, and gives back what it holds under restored.
mkdir restored
case $server in
volume)
    cowpath create server
    target=server/home
    give_back() { cowpath restore "server/home@day-$1" "restored/day-$1"; }
    ;;
btrfs | directory)
    if [ "$server" = btrfs ]; then mounted server; else mkdir server; fi
    target=server
    give_back() { ln -s "../server/day-$1" "restored/day-$1"; }
    ;;
esac

mkdir originals
for day in 1 2 3 4 5; do
    live_through "$day"
    take "$day"
    cp -a home/. "originals/day-$day"
    before=$(used laptop)
    if [ "$day" = 1 ]; then
        cowpath send "$(snapshot_of "$day")" | cowpath receive -q "$target"
    else
        cowpath send -p "$(bookmark_of $((day - 1)))" "$(snapshot_of "$day")" | cowpath receive -q "$target"
    fi
    # The bookmark keeps names and identities, not contents; the snapshot can go.
    cowpath bookmark "$(snapshot_of "$day")" "$(bookmark_of "$day")"
    cowpath destroy "$(snapshot_of "$day")"
    [ "$day" = 1 ] || forget $((day - 1))
    printf 'day %s: the laptop used %6d kB with the snapshot, %6d kB with its bookmark; the server has %6d kB\n' \
        "$day" "$before" "$(used laptop)" "$(used server)"
done

echo
for place in laptop server; do
    if [ -e "$place/cowpath-volume" ]; then
        cowpath list "$place"
    else
        find "$place" -maxdepth 1 ! -name '.*' | sort
    fi
done

echo
for day in 1 2 3 4 5; do
    give_back "$day"
    diff -r --no-dereference "originals/day-$day/" "restored/day-$day/"
    changes=$(rsync -aniHAX --delete "originals/day-$day/" "restored/day-$day/")
    [ -z "$changes" ] || { printf '%s\n' "$changes"; exit 1; }
    echo "day $day: the server gives back what the laptop had"
done

# Five days of one replaced file: the server holds all of them, the laptop what is in the folder now and no more.
laptop=$(used laptop)
held=$(used server)
if [ "$laptop" -gt $((held / 2)) ]; then
    echo "the laptop still uses $laptop kB of the server's $held kB: destroying snapshots freed too little" >&2
    exit 1
fi

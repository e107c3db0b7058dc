#!/bin/bash
# A laptop with little room and a server with much: every day a snapshot is taken and sent, and the laptop keeps only
# a bookmark of it. The bookmark is all that the next day's incremental send needs.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
COWPATH=$(realpath "${COWPATH:-$here/.build/release/cowpath}")
work=$(mktemp -d "${TMPDIR:-/tmp}/cowpath-laptop.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

cowpath() { "$COWPATH" "$@"; }
# The kilobytes that a folder takes on disk, holes not counted.
used() { du -sk "$1" | cut -f1; }

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

mkdir home originals
cowpath create laptop
cowpath create server

base=
for day in 1 2 3 4 5; do
    live_through "$day"
    cowpath import home "laptop/home@day-$day"
    cp -a home "originals/day-$day"
    before=$(used laptop)
    if [ -z "$base" ]; then
        cowpath send "laptop/home@day-$day" | cowpath receive server/home
    else
        cowpath send -p "laptop/home#$base" "laptop/home@day-$day" | cowpath receive server/home
    fi
    # The bookmark keeps names and identities, not contents; the snapshot can go.
    cowpath bookmark "laptop/home@day-$day" "laptop/home#day-$day"
    cowpath destroy "laptop/home@day-$day"
    [ -z "$base" ] || cowpath destroy "laptop/home#$base"
    base=day-$day
    printf 'day %s: the laptop used %6d kB with the snapshot, %6d kB with its bookmark; the server has %6d kB\n' \
        "$day" "$before" "$(used laptop)" "$(used server)"
done

echo
cowpath list laptop
cowpath list server

echo
mkdir restored
for day in 1 2 3 4 5; do
    cowpath restore "server/home@day-$day" "restored/day-$day"
    diff -r --no-dereference "originals/day-$day" "restored/day-$day"
    changes=$(rsync -aniHAX --delete "originals/day-$day/" "restored/day-$day/")
    [ -z "$changes" ] || { printf '%s\n' "$changes"; exit 1; }
    echo "day $day: the server gives back what the laptop had"
done

# Five days of one replaced file: the server holds all of them, the laptop what is in the folder now and no more.
laptop=$(used laptop)
server=$(used server)
if [ "$laptop" -gt $((server / 2)) ]; then
    echo "the laptop still uses $laptop kB of the server's $server kB: destroying snapshots freed too little" >&2
    exit 1
fi

#!/bin/bash
# Sends snapshots to another machine over SSH, in full and incrementally, and brings one back.
#
# The other machine is this one: the script starts an sshd of its own on the loopback interface, with keys and
# configuration made for it, as the current user, and stops it at the end. Nothing of yours is read or changed.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
COWPATH=$(realpath "${COWPATH:-$here/.build/release/cowpath}")
sshd=$(command -v sshd || echo /usr/sbin/sshd)
[ -x "$sshd" ] || { echo "over-ssh: needs sshd (Debian: openssh-server)" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/cowpath-ssh.XXXXXX")
daemon=
cleanup() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work"

say() { printf '\n# %s\n' "$1"; }
cowpath() { "$COWPATH" "$@"; }

# The other machine.
ssh-keygen -q -t ed25519 -N '' -f host_key
ssh-keygen -q -t ed25519 -N '' -f user_key
cp user_key.pub authorized_keys
start_server() {
    port=$((20000 + RANDOM % 20000))
    cat >sshd_config <<END
ListenAddress 127.0.0.1
Port $port
HostKey $work/host_key
AuthorizedKeysFile $work/authorized_keys
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
# The temporary folder above these keys may be writable by others.
StrictModes no
END
    # sshd run as root separates its privileges in this folder, which only a system's own start makes.
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    "$sshd" -D -e -f "$work/sshd_config" 2>sshd.log &
    daemon=$!
    local try
    for try in $(seq 50); do
        kill -0 "$daemon" 2>/dev/null || return 1
        grep -q 'Server listening' sshd.log && return 0
        sleep 0.1
    done
    return 1
}
for try in 1 2 3 4 5; do
    start_server && break
    [ "$try" != 5 ] || { cat sshd.log >&2; exit 1; }
done
printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 host_key.pub)" >known_hosts
there() {
    ssh -F /dev/null -p "$port" -i "$work/user_key" -o UserKnownHostsFile="$work/known_hosts" \
        -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR "$(id -un)@127.0.0.1" "$@"
}

say "Something to send: a folder, and the same folder a day later"
mkdir documents
for number in 1 2 3; do
    seq $((number * 1000)) >"documents/report-$number.txt"
done
head -c 3000000 /dev/urandom >documents/photo
cowpath create here
cowpath import documents here/documents@monday
cp -a documents monday
echo "one more line" >>documents/report-2.txt
mv documents/photo documents/beach
rm documents/report-3.txt
cowpath import documents here/documents@tuesday
cowpath list here

say "The other machine gets a volume, and Monday in full"
there "$COWPATH" create "$work/server"
cowpath send here/documents@monday | there "$COWPATH" receive "$work/server/documents"

say "Tuesday travels as what changed since Monday"
cowpath send -n -p here/documents@monday here/documents@tuesday
cowpath send -p here/documents@monday here/documents@tuesday | there "$COWPATH" receive "$work/server/documents"
there "$COWPATH" list "$work/server"

say "Tuesday comes back over the same way"
mkdir back
there "$COWPATH" send "$work/server/documents@tuesday" | cowpath receive back
there "$COWPATH" send "$work/server/documents@monday" | cowpath receive back

for day in monday tuesday; do
    original=$day
    [ "$day" = monday ] || original=documents
    diff -r --no-dereference "$original" "back/$day"
    changes=$(rsync -aniHAX --delete "$original/" "back/$day/")
    [ -z "$changes" ] || { printf '%s\n' "$changes"; exit 1; }
    echo "$day: what came back is what was there"
done

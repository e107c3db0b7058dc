#!/bin/bash
# What the program answers, line by line: exit statuses, errors and what goes to which output.
#
#   Tests/command_line.sh [COWPATH]
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cowpath=$(realpath "${1:-${COWPATH:-$here/../.build/release/cowpath}}")
work=$(mktemp -d "${TMPDIR:-/tmp}/cowpath-commands.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

passed=0
failed=0

# expect STATUS OUTPUT-PATTERN ERROR-PATTERN ARGUMENT...: runs the program; patterns are those of grep -E over the
# whole output, and an empty one means that nothing at all is said.
expect() {
    local status=$1 output=$2 error=$3 got
    shift 3
    "$cowpath" "$@" >output 2>error </dev/null
    got=$?
    if [ "$got" = "$status" ] && matches "$output" output && matches "$error" error; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'cowpath %s\n  exit status %s, not %s\n' "$*" "$got" "$status"
        sed 's/^/  out: /' output | head -n 5
        sed 's/^/  err: /' error | head -n 5
    fi
}

matches() {
    if [ -z "$1" ]; then [ ! -s "$2" ]; else grep -qE -- "$1" "$2"; fi
}

# holds WHAT COMMAND...: something that must be so.
holds() {
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not so: $what"
    fi
}

mkdir tree tree/sub
echo one >tree/a
echo two >tree/sub/b

# The everyday round.
expect 0 '' '' create vol
expect 0 '^home@one$' '' import tree vol/home@one
expect 0 '' '' import -q tree vol/home@same
expect 0 '' '' diff --exit-code vol/home@one vol/home@same
echo more >>tree/a
expect 0 '^\{.*"losses":\{\}.*"snapshots":\["home@two"\]\}$' '' import --json tree vol/home@two
expect 1 '^M	a$' '' diff --exit-code vol/home@one vol/home@two
expect 0 '^\{"aspects":\["contents".*"path":"a"' '' diff --json vol/home@one vol/home@two
expect 0 'home@two' '' list vol
expect 0 '"name":"home@one"' '' list --json vol
expect 0 '^sub$' '' ls vol/home@one
expect 0 '^sub/b$' '' ls -R vol/home@one
expect 0 '^two$' '' cat vol/home@one/sub/b
expect 0 '' '' send -f full.stream vol/home@one
expect 0 '' '' send -p vol/home@one -f difference.stream vol/home@two

# What is no file keeps its name and is written to; a link still leads to the file.
ln -s /dev/null nowhere.stream
expect 0 '' '' send -q -f nowhere.stream vol/home@one
holds "-f does not replace a device" test -L nowhere.stream -a -c /dev/null
ln -s full.stream linked.stream
expect 0 '' '' send -q -f linked.stream vol/home@two
expect 0 '' '' send -q -f two.stream vol/home@two
holds "-f does not replace a link" test -L linked.stream -a -f full.stream
holds "-f writes to where a link leads" cmp -s full.stream two.stream
expect 0 '' '' send -q -f linked.stream vol/home@one
mkfifo passed.stream
timeout 60 cat passed.stream >behind.stream &
expect 0 '' '' send -q -f passed.stream vol/home@one
wait
holds "-f writes to a FIFO" cmp -s behind.stream full.stream
expect 0 '^whole: cowpath stream, 1 snapshot' '' verify full.stream
expect 0 '^subvol +\./one ' '' dump full.stream
expect 0 '"base":"parent"' '' info --json difference.stream
expect 0 '' '' convert --format btrfs -f converted.stream difference.stream
expect 0 '^btrfs stream' '' info converted.stream
expect 0 '"instructions":[1-9]' '' send -n --json -p vol/home@one vol/home@two
expect 0 '' '' create copy
expect 0 '^backup@one$' '' receive -f full.stream copy/backup
expect 0 '' '' receive -q -f difference.stream copy/backup
expect 0 '' '' restore copy/backup@two restored
expect 0 '' '' restore copy/backup@two/sub part
expect 0 '' '' bookmark vol/home@one '#mark'
expect 0 '' '' bookmark vol/home@one mark.file
expect 0 '' '' send -p vol/home#mark -f marked.stream vol/home@two
expect 0 '' '' clone vol/home@one vol/twin
expect 0 '0 findings' '' check --read-data vol
expect 0 '^_?cowpath|#compdef|function' '' --generate-completion-script bash

# Space comes back, whatever became bookmark and was changed in between.
expect 0 '' '' create space
expect 0 '' '' import -q tree space/d@one
expect 0 '' '' bookmark space/d@one '#one'
expect 0 '' '' snapshot space/d@two
expect 0 '' '' destroy space/d@one
echo other >tree/sub/b
expect 0 '' '' import -q tree space/d@three
expect 0 '' '' destroy -r space/d
expect 0 '^0 nodes, 0 extents in 0 segments' '' check space

# What is refused: one line on standard error that says what, where and what to do.
expect 64 '' '^cowpath: .*--help' frobnicate
expect 64 '' '^cowpath: ' import tree
expect 64 '' '^cowpath: .*protocol 7' send --format btrfs --proto 7 vol/home@one
expect 1 '' '^cowpath: .*, .*nowhere' receive nowhere
expect 1 '' '^cowpath: .*not empty' create tree
expect 1 '' '^cowpath: .*home@none' send -f x vol/home@none
expect 1 '' '^cowpath: .*home@one' import tree vol/home@one
expect 1 '' '^cowpath: a dataset changes and cannot be sent, vol/home: take a snapshot' send -f x vol/home
expect 1 '' '^cowpath: .*only the skeleton.*: a bookmark can only be the base' send -f x vol/home#mark
expect 1 '' '^cowpath: .*bookmark .*cannot be received' receive -f mark.file copy
expect 0 '' '' create fresh
expect 1 '' '^cowpath: .*base of the stream is not here' receive -f difference.stream fresh/home
expect 1 '' '^cowpath: .*clone' destroy vol/home@one
expect 0 '' '' send --no-data -f empty.stream vol/home@one
expect 1 '' '^cowpath: the stream was sent without contents' receive -f empty.stream fresh/home
expect 1 '' '^cowpath: the stream was sent without contents' receive --mirror -f empty.stream mirror
expect 0 '' '' send -q --no-data --format btrfs -f empty.stream vol/home@one
expect 1 '' '^cowpath: the stream was sent without contents' receive -f empty.stream fresh/home
expect 1 '' '^cowpath: .*neither a cowpath nor a btrfs' verify tree/a
expect 1 '' '^cowpath: .*no such file' cat vol/home@one/none
expect 1 '' '^cowpath: .*DATASET@SNAPSHOT' snapshot vol/home
head -c 300 full.stream >cut.stream
expect 1 '' '^cowpath: .*(cut|ends)' verify cut.stream
expect 1 '' '^cowpath: .*(cut|ends)' receive -f cut.stream copy/cut
expect 1 '' '^cowpath: there is no such dataset' list copy/cut

# Work done, but something could not be kept.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    chmod 755 "$work"
    mkdir -m 777 open
    cp full.stream open/
    as_nobody=$(printf 'setpriv --reuid 65534 --regid 65534 --clear-groups %q receive -f %q %q' \
        "$cowpath" "$work/open/full.stream" "$work/open")
    chown -R 1:1 tree
    "$cowpath" import -q tree vol/owned@one && "$cowpath" send -f open/full.stream vol/owned@one
    $as_nobody >output 2>error
    if [ $? = 2 ] && grep -q 'owner could not be kept' error; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "a receive without the right to set owners did not end with 2"
        cat output error
    fi
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

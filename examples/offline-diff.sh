#!/bin/bash
# What changed between two snapshots, with no volume at hand: of the older one there is a bookmark in a file, of the
# newer one a stored stream. The same answer as from the volume.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
COWPATH=$(realpath "${COWPATH:-$here/.build/release/cowpath}")
work=$(mktemp -d "${TMPDIR:-/tmp}/cowpath-offline.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

say() { printf '\n# %s\n' "$1"; }
cowpath() { "$COWPATH" "$@"; }

mkdir -p site/pages site/images
for page in about contact index; do echo "<h1>$page</h1>" >"site/pages/$page.html"; done
head -c 200000 /dev/urandom >site/images/logo
cowpath create volume
cowpath import site volume/site@before

echo "<p>new</p>" >>site/pages/index.html
mv site/pages/contact.html site/pages/imprint.html
rm site/pages/about.html
ln -s index.html site/pages/start.html
chmod 600 site/images/logo
cowpath import site volume/site@after

say "While the volume is there: a bookmark of one snapshot, the other as a stream"
cowpath bookmark volume/site@before before.bookmark
cowpath send -f after.stream volume/site@after
cowpath diff -F volume/site@before volume/site@after | tee from-volume
ls -l before.bookmark after.stream

say "The volume is gone"
rm -rf volume
cowpath diff -F before.bookmark after.stream | tee from-files

# A stored stream does not say which inode of the bookmark a new name belongs to, so a rename may be shown as what it
# comes to: one name less, one more.
spelled_out() {
    awk -F '\t' '$1 == "R" { split($3, name, " -> "); print "-\t" $2 "\t" name[1]; print "+\t" $2 "\t" name[2]; next }
        { print }' "$1" | LC_ALL=C sort
}
diff <(spelled_out from-volume) <(spelled_out from-files)
[ -s from-files ] || { echo "nothing was found, but five things changed" >&2; exit 1; }
echo "the same answer"

say "For a program"
cowpath diff --json before.bookmark after.stream
status=0
cowpath diff --exit-code before.bookmark after.stream >nothing || status=$?
[ "$status" = 1 ] || { echo "diff --exit-code gave $status where there are changes" >&2; exit 1; }

"""What is done in one run of a workload, in order, and by whom.

All of it happens in one folder. In it lie `tree`, the source, and whatever the steps before have made.
"""

import btrfs_jobs
from job import OURS, Command, Step

# For all scripts that nobody measures. Trees are compared by a program that shares no code with ours; which blocks of
# a file are holes is left out, as the tools differ in what they do with long runs of zeros. A tree of many files is
# not removed before the end of the run: a filesystem may be slow to give the inodes of removed files to new ones.
FUNCTIONS = """
same() { python3 "$COMPARE" --quiet --holes ignore "$1" "$2"; }
discard() {
    local path
    for path; do
        if [ "$(find "$path" | head -n 1000 | wc -l)" -lt 1000 ]; then
            rm -rf "$path"
        else
            mkdir -p discarded
            mv "$path" "$(mktemp -d discarded/XXXXXX)"
        fi
    done
}
"""

RESTIC = "restic backup -q --repo restic tree"


def importing(name, snapshot, change=None, before="", prepared=False):
    """The three tools that keep versions, each with its default settings."""
    return Step(name, {
        OURS: Command(OURS, [f"cowpath import -q tree volume/tree@{snapshot}"], stores="volume",
                      before="cowpath create volume" if prepared else ""),
        "restic": Command("restic", [RESTIC], stores="restic",
                          before="restic init -q --repo restic" if prepared else ""),
        "borg": Command("borg", [f"borg create borg::{snapshot} tree"], stores="borg",
                        before="borg init -e none borg" if prepared else ""),
    }, change=change, before=before, reads=["tree"])


def ten_files(repetitions):
    send = Command(OURS, ["cowpath send -q -p volume/tree@next volume/tree@ten >/dev/null"])
    return Step("ten files", {OURS: send}, change=("change_ten", "tree"),
                before="cowpath import -q tree volume/tree@ten", reads=["volume"], repetitions=repetitions)


def sending():
    return [
        Step("send", {
            OURS: Command(OURS, ["cowpath send -q volume/tree@one >/dev/null"]),
            "compressed data": Command(OURS, ["cowpath send -q --compressed-data volume/tree@one >/dev/null"]),
            "tar and zstd": Command("tar and zstd", ["tar cf - tree", "zstd -q -3 -T2 >/dev/null"]),
        }, reads=["tree", "volume"]),
        Step("store a stream", {
            OURS: Command(OURS, ["cowpath send -q -f full.stream volume/tree@one"], stores="full.stream"),
            "compressed data": Command(OURS, ["cowpath send -q --compressed-data -f compressed.stream volume/tree@one"],
                                       stores="compressed.stream"),
            "tar and zstd": Command("tar and zstd", ["tar cf - tree", "zstd -q -3 -T2 >tree.tar.zst"],
                                    stores="tree.tar.zst", after="rm tree.tar.zst"),
        }, reads=["tree", "volume"]),
    ]


def receiving():
    return [
        Step("receive", {
            "into a volume": Command(OURS, ["cowpath receive -q -f full.stream second/tree"],
                                     before="cowpath create second"),
            "compressed data": Command(OURS, ["cowpath receive -q -f compressed.stream third/tree"],
                                       before="cowpath create third"),
            "into a directory": Command(OURS, ["cowpath receive -q -f full.stream directory"],
                                        before="mkdir directory"),
            "rsync": Command("rsync", ["rsync -a tree/ copy/"], before="mkdir copy"),
        }, reads=["tree", "full.stream", "compressed.stream"], checks=[
            "same tree directory/one",
            "cowpath check --read-data third && cowpath restore -q third/tree@one restored && same tree restored"
            " && discard restored",
        ], after="discard directory third full.stream compressed.stream"),
        Step("restore", {
            OURS: Command(OURS, ["cowpath restore -q volume/tree@one restored"]),
            "restic": Command("restic", ["restic restore -q --repo restic latest --target restic-restored"],
                              after="discard restic-restored"),
        }, reads=["volume", "restic"], checks=["same tree restored"], after="discard restored"),
    ]


def updating():
    return Step("update", {
        OURS: Command(OURS, ["cowpath send -q -p volume/tree@one volume/tree@next", "cowpath receive -q second/tree"]),
        "rsync": Command("rsync", ["rsync -a --delete tree/ copy/"]),
    }, reads=["tree", "volume"], checks=[
        "cowpath check --read-data second && cowpath restore -q second/tree@next restored && same tree restored"
        " && discard restored"], after="discard second copy")


def last_check(snapshot):
    return Step("check", {}, checks=["cowpath check --read-data volume",
                                     f"cowpath restore -q volume/tree@{snapshot} restored && same tree restored"])


def steps(workload):
    if workload.on_btrfs:
        return btrfs_jobs.steps(workload)
    if workload.fewer:
        return growing(workload)
    found = [
        importing("first import", "one", prepared=True),
        importing("import again", "same"),
        *sending(),
        *receiving(),
        importing("next version", "next", change=("next_version", "tree")),
        updating(),
    ]
    last = "next"
    if workload.changes_ten:
        found.append(ten_files(workload.repetitions))
        last = "ten"
    if workload.changes_times:
        found.append(importing("all times changed", "touched", before="find tree -exec touch -h {} +"))
        last = "touched"
    return [*found, last_check(last)]


def file_counts(workload):
    return f"{workload.count:,} files", f"{workload.fewer:,} files"


def alone(name, stage, **options):
    return Step(name, {OURS: Command(OURS, [stage])}, **options)


def growing(workload):
    """What must not grow with the number of files, in a volume of many and one of few."""
    many, few = file_counts(workload)
    ten = "cowpath send -q -p {volume}/tree@one {volume}/tree@ten >/dev/null"
    return [
        alone("first import", "cowpath import -q tree volume/tree@one", before="cowpath create volume", reads=["tree"]),
        # Of these two the tree is in memory from the first; reading a million files anew would only take its time.
        alone("import again", "cowpath import -q tree volume/tree@same",
              after="cowpath destroy volume/tree@same"),
        alone("send", "cowpath send -q volume/tree@one >/dev/null", reads=["volume"],
              after="cowpath send -q -f full.stream volume/tree@one"),
        Step("receive", {
            "into a volume": Command(OURS, ["cowpath receive -q -f full.stream second/tree"],
                                     before="cowpath create second"),
            "into a directory": Command(OURS, ["cowpath receive -q -f full.stream directory"],
                                        before="mkdir directory"),
        }, reads=["full.stream"], checks=["same tree directory/one", "cowpath check --read-data second"],
             after="discard directory second full.stream"),
        alone("import ten", "cowpath import -q tree volume/tree@ten", change=("change_ten", "tree")),
        Step("a volume of fewer files", {}, change=("make_fewer", "few"),
             before="cowpath create small && cowpath import -q few small/tree@one"),
        Step("ten files", {
            many: Command(OURS, [ten.format(volume="volume")]),
            few: Command(OURS, [ten.format(volume="small")]),
        }, change=("change_ten", "few"), before="cowpath import -q few small/tree@ten", reads=["volume", "small"],
             repetitions=workload.repetitions),
        alone("snapshot", "cowpath snapshot volume/tree@s{n}", repetitions=workload.repetitions),
        alone("clone", "cowpath clone volume/tree@one volume/c{n}", repetitions=workload.repetitions),
        alone("bookmark", "cowpath bookmark volume/tree@one volume/tree#b{n}", repetitions=workload.repetitions),
        Step("check of the small volume", {}, checks=["cowpath check --read-data small"]),
        last_check("ten"),
    ]

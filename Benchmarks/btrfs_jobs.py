"""What is done in one run on btrfs: every step by cowpath and by the programs of btrfs itself.

In the folder of a run `source`, `ours`, `theirs` and `checked` are file systems of their own, on loop devices.
`source/tree` is changed, and snapshots of it are sent; `ours` is received into by cowpath, `theirs` by btrfs.
"""

from job import OURS, Command, Step

STOCK = "btrfs"
# `fresh NAME` makes an empty file system, `snapshot NAME` a snapshot of the tree; `arrives STREAM SNAPSHOT` has btrfs
# receive a stream of ours, in a file system that holds only what the streams before have brought, and compares.
FUNCTIONS = """
fresh() {
    mountpoint -q "$1" && umount "$1"
    rm -f "$1.img"
    truncate -s 16G "$1.img"
    mkdir -p "$1"
    mkfs.btrfs -q "$1.img" && mount -o loop "$1.img" "$1"
}
snapshot() { btrfs subvolume snapshot -r "source/${2:-tree}" "source/$1"; }
arrives() { btrfs receive -q -f "$1" checked && same "source/$2" "checked/$2"; }
"""
# The same protocol on both sides. Protocol 1 is what btrfs send writes when nothing is said.
OURS_SENDS = "cowpath send -q --format btrfs --proto 1"
STOCK_SENDS = "btrfs send -q --proto 1"


def sending(name, snapshots, reads, repetitions=1, own=False, **options):
    """One stream, by both: straight to /dev/null, and through a pipe that something reads."""
    commands = {
        OURS: Command(OURS, [f"{OURS_SENDS} {snapshots} >/dev/null"]),
        STOCK: Command(STOCK, [f"{STOCK_SENDS} {snapshots} >/dev/null"]),
        "piped": Command(OURS, [f"{OURS_SENDS} {snapshots}", "cat >/dev/null"]),
        "btrfs, piped": Command(STOCK, [f"{STOCK_SENDS} {snapshots}", "cat >/dev/null"]),
    }
    if own:
        commands["own encoding"] = Command(OURS, [f"cowpath send -q {snapshots} >/dev/null"])
    return Step(name, commands, reads=reads, repetitions=repetitions, **options)


def storing(name, snapshots, stream, received, newest=False):
    """The stream of both as a file, in both protocols; btrfs receive takes ours."""
    commands = {}
    for protocol in (1, 2):
        suffix = "" if protocol == 1 else ", protocol 2"
        for label, tool, send in ((OURS, OURS, "cowpath send -q --format btrfs"), (STOCK, STOCK, "btrfs send -q")):
            file = f"{stream}.{label}.{protocol}"
            commands[label + suffix] = Command(
                tool, [f"{send} --proto {protocol} -f {file} {snapshots}"], stores=file, before=f"rm -f {file}")
    return Step(name, commands, checks=[f"arrives {stream}.{OURS}.1 {received}"])


# What btrfs itself receives is not compared: of such a stream it can leave the root with another time.
def receiving():
    def into(place, command, durable=False):
        if durable:
            command = f"bash -c '{command} && btrfs filesystem sync {place}'"
        return [command]
    ours, stock = "cowpath receive -q -f one.btrfs.1 ours", "btrfs receive -q -f one.btrfs.1 theirs"
    return Step("receive", {
        OURS: Command(OURS, into("ours", ours), before="fresh ours"),
        STOCK: Command(STOCK, into("theirs", stock), before="fresh theirs"),
        "durable": Command(OURS, into("ours", ours, True), before="fresh ours"),
        "btrfs, durable": Command(STOCK, into("theirs", stock, True), before="fresh theirs"),
    }, reads=["one.btrfs.1"], checks=["same source/one ours/one"])


def receiving_next():
    return Step("receive next", {
        OURS: Command(OURS, ["cowpath receive -q -f next.btrfs.1 ours"]),
        STOCK: Command(STOCK, ["btrfs receive -q -f next.btrfs.1 theirs"]),
    }, reads=["next.btrfs.1"], checks=["same source/next ours/next"])


def bookmarks():
    return Step("bookmark", {
        OURS: Command(OURS, ["cowpath bookmark source/one one.bookmark"], stores="one.bookmark",
                      before="rm -f one.bookmark"),
    }, reads=["source/one"])


def from_bookmark(name, bookmark, parent, snapshot, repetitions=1):
    return Step(name, {
        "bookmark": Command(OURS, [f"{OURS_SENDS} -p {bookmark} source/{snapshot} >/dev/null"]),
        "parent": Command(OURS, [f"{OURS_SENDS} -p source/{parent} source/{snapshot} >/dev/null"]),
    }, reads=[f"source/{snapshot}"], repetitions=repetitions)


def alone(name, method):
    """A subvolume of its own, sent whole."""
    folder = f"source/{name}-tree"
    return [
        sending(name, f"source/{name}", [f"source/{name}"], change=(method, folder),
                before=f"snapshot {name} {name}-tree"),
        storing(f"store {name}", f"source/{name}", name, name),
    ]


def steps(workload):
    again = workload.repetitions
    return [
        sending("send", "source/one", ["source/one"], own=True, before="fresh checked && snapshot one"),
        storing("store", "source/one", "one", "one"),
        receiving(),
        bookmarks(),
        sending("next", "-p source/one source/next", ["source/one", "source/next"],
                change=("next_version", workload.tree), before="snapshot next"),
        from_bookmark("next from a bookmark", "one.bookmark", "one", "next", again),
        storing("store next", "-p source/one source/next", "next", "next"),
        receiving_next(),
        sending("ten", "-p source/next source/ten", ["source/ten"], again, change=("change_ten", workload.tree),
                before="snapshot ten && cowpath bookmark source/next next.bookmark"),
        from_bookmark("ten from a bookmark", "next.bookmark", "next", "ten", again),
        storing("store ten", "-p source/next source/ten", "ten", "ten"),
        *alone("references", "make_references"),
        *alone("sharing", "make_sharing"),
        *alone("large", "make_large"),
        Step("streams from bookmarks", {}, checks=[
            f"btrfs subvolume delete checked/ten && {OURS_SENDS} -p next.bookmark -f ten.again source/ten"
            " && arrives ten.again ten"]),
    ]

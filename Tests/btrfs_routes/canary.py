"""Faults planted in what was received: each must be seen, or a green run would mean nothing."""

import os

import btrfs_history
from comparing import identity_differences, layout_differences, tree_differences
from extents import Layout
from machine import btrfs, shown_subvolume
from routes import OURS, STOCK, Case, Mode, Programs, Transfer

NODUMP = 0x40


def overwrite(path, offset, content):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)


def read_again(path):
    """The same contents in places of their own."""
    with open(path, "rb") as file:
        content = file.read()
    overwrite(path, 0, content)


def separate(path):
    with open(path, "rb") as file:
        content = file.read()
    attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    again(path, lambda p: btrfs_history.write_new(p, content))
    for name, value in attributes.items():
        os.setxattr(path, name, value)


def again(path, make):
    os.unlink(path)
    make(path)


# What it is a fault in: the name that it is planted in, and how.
FAULTS = {
    "a byte": (b"file", lambda p: overwrite(p, 5000, b"!")),
    "a size": (b"file", lambda p: os.truncate(p, 100_000 - 1)),
    "a mode": (b"file", lambda p: os.chmod(p, 0o641)),
    "an owner": (b"folder", lambda p: os.chown(p, 5, 0)),
    "a time": (b"folder", lambda p: os.utime(p, ns=(0, os.stat(p).st_mtime_ns + 1))),
    "an attribute": (b"file", lambda p: os.removexattr(p, "user.kept")),
    "a capability": (b"file", lambda p: os.removexattr(p, "security.capability")),
    "a hard link": (b"second", separate),
    "a symbolic link": (b"link", lambda p: again(p, lambda q: os.symlink("elsewhere", q))),
    "a name": (b"folder", os.rmdir),
    "a name too many": (b"extra", lambda p: btrfs_history.write_new(p, b"")),
    "a device": (b"device", lambda p: again(p, lambda q: os.mknod(q, 0o20600, os.makedev(1, 4)))),
    "a flag": (b"flagged", lambda p: btrfs_history.alter_flags(p, 0, NODUMP)),
    "a hole": (b"sparse", lambda p: overwrite(p, 0, bytes(65_536))),
    "a preallocation": (b"ahead", lambda p: os.truncate(p, 4096)),
    "what is shared": (b"reflink", read_again),
    "what is shared with the parent": (b"old", read_again),
}


def fill(root):
    """A tree in which every fault has its place."""
    path = {name: os.path.join(root, name) for name, _ in FAULTS.values()}
    content = bytes(range(256)) * 500
    btrfs_history.write_new(path[b"file"], content[:100_000])
    os.setxattr(path[b"file"], "user.kept", b"value")
    os.setxattr(path[b"file"], "security.capability", btrfs_history.CAPABILITY)
    os.link(path[b"file"], path[b"second"])
    os.mkdir(path[b"folder"])
    os.symlink("nowhere", path[b"link"])
    os.mknod(path[b"device"], 0o20600, os.makedev(1, 3))
    btrfs_history.write_new(path[b"flagged"], content)
    btrfs_history.alter_flags(path[b"flagged"], NODUMP, 0)
    btrfs_history.clone(path[b"file"], path[b"reflink"])
    btrfs_history.write_new(path[b"sparse"], b"")
    overwrite(path[b"sparse"], 1 << 20, content)
    with open(path[b"ahead"], "wb", buffering=0) as file:
        file.write(content[:4096])
        btrfs_history.fallocate(file.fileno(), btrfs_history.FALLOC_FL_KEEP_SIZE, 4096, 65_536)


def tasks(_):
    return [perform]


def perform(worker, result):
    worker.make(["-n", "16384"])
    place = worker.source.folder()
    root = os.path.join(place, b"tree")
    btrfs("subvolume", "create", root)
    btrfs_history.write_new(os.path.join(root, b"old"), bytes(200_000))
    originals = [os.path.join(place, b"0"), os.path.join(place, b"1")]
    btrfs("subvolume", "snapshot", "-r", root, originals[0])
    fill(root)
    btrfs("subvolume", "snapshot", "-r", root, originals[1])
    check(result, "a tree beside itself differs", not planted(originals, place, b"sound", lambda _: None))
    for what, (name, fault) in FAULTS.items():
        found = planted(originals, place, name, fault)
        check(result, f"a fault is not seen: {what}", found)
    said = shown_subvolume(originals[1])
    check(result, "a snapshot that was not received passes for one", identity_differences(originals[1], said))
    check(result, "a writable snapshot passes for a received one", identity_differences(root, said))
    whole_case(worker, result, originals)


def check(result, what, holds):
    result.compared += 1
    if not holds:
        result.failed += 1
        result.lines.append(f"FAILED: {what}")


def planted(originals, place, name, fault):
    """What is found once a copy of the newest snapshot has the fault."""
    copy = os.path.join(place, b"copy")
    btrfs("subvolume", "snapshot", originals[1], copy)
    times = os.stat(copy)
    fault(os.path.join(copy, name))
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
    layouts = [Layout(path) for path in originals]
    found = tree_differences(originals[1], copy, flags=True)
    found += layout_differences([layouts[0], Layout(copy)], layouts, layouts, strict=True)
    btrfs("subvolume", "delete", copy)
    return found


class Wrecker(Programs):
    """Where ours receives, the stock program does, and changes one mode afterwards."""

    def receive(self, receiver, stream, directory):
        super().receive(STOCK, stream, directory)
        received = os.path.join(directory, b"1")
        if receiver == OURS and os.path.exists(received):
            btrfs("property", "set", "-f", received, "ro", "false")
            os.chmod(os.path.join(received, b"device"), 0o601)


def whole_case(worker, result, originals):
    case = Case("canary", Wrecker(None, ["send", "receive"]), worker.targets, worker.work, Mode())
    case.carry([Transfer(originals[0]), Transfer(originals[1], originals[0])])
    case.done()
    check(result, "what a receiver has spoiled is not seen", any("device: mode" in line for line in case.failures))
    spoiled = [line for line in case.failures if line.startswith("canary") and "btrfs to btrfs" in line]
    check(result, "what no receiver has spoiled has failed", not spoiled)

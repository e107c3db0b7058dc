"""What a scenario is: a tree that is changed step by step, and snapshots of it on the way."""

import os
import random
from dataclasses import dataclass, field

import btrfs_history
from machine import btrfs
from routes import Transfer

ALL = {}


@dataclass
class Scenario:
    kind: str
    loss: str
    steps: object
    # How the source is mounted, and what is done to it while snapshots are sent.
    mount: str = "compress=no"
    meanwhile: object = None

    @property
    def name(self):
        return self.steps.__name__


def scenario(kind, loss, **options):
    """Registers a generator that changes a tree; at each `yield` a snapshot is taken and later sent from the one before
    it. What it yields is None or a `Take`. `loss` is what a user would lose if it went wrong."""
    def register(steps):
        ALL[steps.__name__] = Scenario(kind, loss, steps, **options)
        return steps
    return register


@dataclass
class Take:
    """A snapshot of another tree than the first, or with another base than the one before of the same tree."""
    tree: object = None
    # A number of the snapshots so far, None for the one before of the same tree, or -1 for none.
    base: int = None
    clones: list = field(default_factory=list)


def history(name, source):
    """Plays a scenario on the source; the transfers that bring its snapshots over."""
    chosen = ALL[name]
    source.remount(chosen.mount)
    place = source.folder()
    first = Tree(place, b"tree")
    transfers = []
    for number, take in enumerate(chosen.steps(first)):
        take = take or Take()
        tree = take.tree or first
        snapshot = os.path.join(place, b"%s.%d" % (tree.name, number))
        btrfs("subvolume", "snapshot", "-r", tree.root, snapshot)
        base = tree.newest if take.base is None else transfers[take.base].snapshot if take.base >= 0 else None
        transfers.append(Transfer(snapshot, base, [transfers[n].snapshot for n in take.clones]))
        tree.newest = snapshot
        tree.snapshots.append(snapshot)
    return transfers


class Tree:
    """A subvolume, and what is done to it. Names are text or bytes, relative to it."""

    def __init__(self, place, name):
        self.place, self.name, self.newest, self.snapshots = place, name, None, []
        self.root = os.path.join(place, name)
        btrfs("subvolume", "create", self.root)

    def another(self, name, snapshot_of=None):
        """A subvolume beside this one, empty or one that begins as a snapshot."""
        other = Tree.__new__(Tree)
        other.place, other.name, other.newest, other.snapshots = self.place, name, None, []
        other.root = os.path.join(self.place, name)
        btrfs("subvolume", *(["snapshot", snapshot_of] if snapshot_of else ["create"]), other.root)
        return other

    def roll_back(self, number):
        """It is again what it was at one of its snapshots: the inodes made since then will be made as others."""
        os.rename(self.root, self.root + b"-left-%d" % len(self.snapshots))
        btrfs("subvolume", "snapshot", self.snapshots[number], self.root)

    def path(self, name):
        return os.path.join(self.root, os.fsencode(name))

    # Names

    def folder(self, *names):
        for name in names:
            os.makedirs(self.path(name))

    def file(self, *names, content=b"content of a small file"):
        for name in names:
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            btrfs_history.write_new(self.path(name), content)

    def move(self, *pairs):
        """Each `old -> new`, in turn."""
        for pair in pairs:
            old, new = pair.split(" -> ")
            os.rename(self.path(old), self.path(new))

    def exchange(self, one, other):
        btrfs_history.exchange(self.path(one), self.path(other))

    def link(self, old, *names):
        for name in names:
            os.link(self.path(old), self.path(name), follow_symlinks=False)

    def remove(self, *names):
        """Files, empty folders, and folders with all they hold if their name ends in a slash."""
        for name in names:
            path = self.path(name)
            if os.fsencode(name).endswith(b"/"):
                for folder, subfolders, files in os.walk(path, topdown=False):
                    for inner in files:
                        os.unlink(os.path.join(folder, inner))
                    for inner in subfolders:
                        os.rmdir(os.path.join(folder, inner))
            os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    # Contents

    def opened(self, name):
        return open(self.path(name), "r+b" if os.path.exists(self.path(name)) else "w+b", buffering=0)

    def write(self, name, offset, content):
        with self.opened(name) as file:
            file.seek(offset)
            file.write(content)

    def truncate(self, name, size):
        with self.opened(name) as file:
            file.truncate(size)

    def punch(self, name, offset, length):
        keep = btrfs_history.FALLOC_FL_PUNCH_HOLE | btrfs_history.FALLOC_FL_KEEP_SIZE
        self.allocate(name, offset, length, keep)

    def allocate(self, name, offset, length, mode=btrfs_history.FALLOC_FL_KEEP_SIZE):
        with self.opened(name) as file:
            btrfs_history.fallocate(file.fileno(), mode, offset, length)

    def clone(self, source, start, length, target, goal):
        """Bytes of a file of this tree, or of another given as a path, to a place in a file of this tree."""
        with open(self.path(source), "rb") as one, self.opened(target) as other:
            btrfs_history.clone_range(one.fileno(), start, length, other.fileno(), goal)

    def sync(self):
        btrfs("filesystem", "sync", self.root)


def noise(length, seed=1):
    """Bytes that do not compress, the same for the same seed."""

    return random.Random(seed).randbytes(length)


def text(length, seed=1):
    """Bytes that compress well."""
    line = b"line %d of the text that compresses: the cow follows its path\n" % seed
    return (line * (length // len(line) + 1))[:length]

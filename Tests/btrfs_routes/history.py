"""Random histories with all that a btrfs can hold: those of Tests/btrfs_history.py, and what only a btrfs keeps."""

import errno
import os
import random
import sys

from machine import btrfs, run
from routes import Transfer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import btrfs_history  # noqa: E402
from comparing import ROOT_INODE, STUB_INODE  # noqa: E402

# FS_*_FL: synchronous, immutable, append only, not dumped, no access time, not copied on write, synchronous folder.
SYNC, IMMUTABLE, APPEND, NODUMP, NOATIME, NOCOW, DIRSYNC = 0x8, 0x10, 0x20, 0x40, 0x80, 0x800000, 0x10000
FREE_FLAGS = [SYNC, IMMUTABLE, APPEND, NODUMP, NOATIME]
# As the source is mounted from one snapshot to the next.
MOUNTS = ["compress=no,datacow,datasum", "compress=zstd,datacow,datasum", "compress-force=lzo,datacow,datasum",
          "compress-force=zlib,datacow,datasum"]
WITHOUT_COW = ["nodatacow"]
# Of mkfs.btrfs; every file system of a group has the same.
FEATURES = [["-n", "16384", "-O", "no-holes"], ["-n", "16384", "-O", "^no-holes"], ["-n", "4096", "-O", "no-holes"],
            ["-n", "65536", "-O", "^no-holes"]]
# Enough that the references of one inode to one folder do not fit a node.
MANY_LINKS = 150


def link_open(descriptor, path):
    """Names a file that has no name; only with a folder given does Python follow the link."""
    os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)


class RichHistory(btrfs_history.History):
    """`scale` is about how many steps lie between two snapshots."""

    def operations(self):
        makers, changers = super().operations()
        makers += [self.make_deep, self.make_without_cow, self.make_nested_subvolume, self.make_unnamed]
        changers += [self.swap_folders, self.change_flags, self.change_flags, self.set_long_attribute,
                     self.link_many_times, self.privileged_owner, self.reflink_over_end]
        return makers, changers

    # What is not copied on write cannot be compressed, though on such a mount files inherit both flags, which nobody
    # can set.
    compresses = True

    def compress(self):
        if self.compresses:
            super().compress()

    def inventory(self):
        """What lies in a nested subvolume is not of this one, and where one has been there is nothing to change."""
        directories, files, others = super().inventory()
        nested = [d for d in directories[1:] if os.lstat(d).st_ino in (ROOT_INODE, STUB_INODE)]
        if nested:
            inside = tuple(n + b"/" for n in nested)
            directories = [d for d in directories if d not in nested and not d.startswith(inside)]
            files = [f for f in files if not f.startswith(inside)]
            others = [o for o in others if not o.startswith(inside)]
            others += [d for d in nested if os.lstat(d).st_ino == ROOT_INODE]
        return directories, files, others

    def length(self):
        return self.random.choice([
            0, 1, self.random.randrange(2000), self.random.randrange(4096), 4096, self.random.randrange(20_000),
            self.random.randrange(60_000), 131_072 * self.random.randrange(1, 3), self.random.randrange(400_000)])

    def make_deep(self):
        path = self.free_path()
        for depth in range(self.random.randrange(3, 9) if path else 0):
            os.mkdir(path)
            path = os.path.join(path, self.random.choice(btrfs_history.PLAIN_NAMES))

    def make_without_cow(self):
        """The flag can be given to an empty file only."""
        if path := self.free_path():
            btrfs_history.write_new(path, b"")
            btrfs_history.alter_flags(path, NOCOW, 0)
            btrfs_history.write_new(path, self.content(self.length()))

    def make_nested_subvolume(self):
        if (path := self.free_path()) and self.random.random() < 0.3:
            # An immutable folder refuses it.
            run("btrfs", "subvolume", "create", path, allowed=())
            btrfs_history.write_new(os.path.join(path, b"inside"), b"of another subvolume")

    def make_unnamed(self):
        """An inode that has never had a name; sometimes it gets one afterwards."""
        folder, path = self.random.choice(self.directories), self.free_path()
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o640)
        self.held_open.append(descriptor)
        os.write(descriptor, self.content(self.length()))
        if path and self.random.random() < 0.5:
            link_open(descriptor, path)

    def swap_folders(self):
        if len(self.directories) > 2:
            one, other = self.random.sample(self.directories[1:], 2)
            btrfs_history.exchange(one, other)

    def change_flags(self):
        """What has become immutable is let go again sooner or later, or nothing could change any more."""
        for path in self.files + self.directories[1:]:
            if self.random.random() < 0.3:
                btrfs_history.alter_flags(path, 0, IMMUTABLE | APPEND)
        if path := self.random.choice(self.files + self.directories[1:] or [None]):
            choices = FREE_FLAGS if path in self.files else FREE_FLAGS + [DIRSYNC]
            btrfs_history.alter_flags(path, self.random.choice(choices), self.random.choice(choices[3:]))

    def set_long_attribute(self):
        """Near the longest that a node takes; the file system refuses those beyond."""
        if path := self.random.choice(self.files + self.directories):
            length = self.random.choice([3800, 3900, 4000, 16_000, 16_100, 16_200])
            try:
                os.setxattr(path, b"user.long", self.random.randbytes(length + self.random.randrange(60)))
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.E2BIG, errno.EPERM, errno.ERANGE):
                    raise

    def link_many_times(self):
        if (path := self.some_file()) and self.random.random() < 0.2:
            folder = self.random.choice(self.directories)
            for number in range(MANY_LINKS):
                os.link(path, os.path.join(folder, b"%03d-" % number + b"l" * 100))

    def privileged_owner(self):
        """An owner, a mode that runs as this owner, and a capability: each is cleared by the one before it."""
        if path := self.some_file():
            os.chown(path, self.random.randrange(1000), self.random.randrange(1000))
            os.chmod(path, self.random.choice([0o4755, 0o2755, 0o6711]))
            os.setxattr(path, b"security.capability", btrfs_history.CAPABILITY)

    def reflink_over_end(self):
        """The end of one file, not aligned, at the end of another."""
        source, target = self.source_file(), self.some_file()
        if source and target and source != target:
            size, goal = os.stat(source).st_size, os.stat(target).st_size // 4096 * 4096
            start = size // 4096 * 4096
            with open(source, "rb") as one, open(target, "r+b") as other:
                os.ftruncate(other.fileno(), goal)
                btrfs_history.clone_range(one.fileno(), start, 0, other.fileno(), goal)


def make(source, seed, snapshots=3):
    """Makes the history of a seed in a new folder of the source; the transfers that bring it over."""
    rng = random.Random(seed)
    place = source.folder()
    histories, transfers = [], []
    mounts = WITHOUT_COW if rng.random() < 0.2 else MOUNTS
    for name in (b"a", b"b")[:rng.choice([1, 2])]:
        root = os.path.join(place, name)
        btrfs("subvolume", "create", root)
        histories.append(RichHistory(root, rng, list(histories)))
        histories[-1].compresses = mounts is MOUNTS
    for number in range(snapshots):
        for history in histories:
            source.remount(rng.choice(mounts))
            if number > 1 and rng.random() < 0.2:
                roll_back(history)
            for _ in range(rng.choice([2, 20, 40]) if number else 40):
                history.step()
            snapshot = history.root + b".%d" % number
            btrfs("subvolume", "snapshot", "-r", history.root, snapshot)
            parent = history.root + b".%d" % (number - 1) if number else None
            clones = [histories[0].root + b".%d" % number] if history is not histories[0] else []
            transfers.append(Transfer(snapshot, parent, clones))
    for history in histories:
        forget(history)
    return transfers


def forget(history):
    for descriptor in history.held_open:
        os.close(descriptor)
    history.held_open = []


def roll_back(history):
    """The subvolume becomes what it was at its first snapshot: the inodes made since are made again as others."""
    forget(history)
    os.rename(history.root, history.root + b".left")
    btrfs("subvolume", "snapshot", history.root + b".0", history.root)

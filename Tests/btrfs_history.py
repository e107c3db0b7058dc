#!/usr/bin/env python3
"""Makes a random history on a mounted btrfs and takes read-only snapshots on the way.

    btrfs_history.py DIRECTORY --seed N [--snapshots 4] [--operations 80] [--subvolumes 1]

DIRECTORY must lie on a btrfs. The history is made in the subvolumes a, b, ... in
it; the snapshots are a.0, a.1, ..., b.0, ... and their paths are printed, one a
line, in the order they were taken. The same seed makes the same steps. With two
subvolumes or more, files are also reflinked from one into another.

Needs root, for owners, device nodes and the trusted attributes. Standard library
only.
"""

import argparse
import ctypes
import errno
import fcntl
import os
import random
import stat
import struct
import subprocess
import sys

FICLONE, FICLONERANGE = 0x40049409, 0x4020940D
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
FS_COMPR_FL = 0x4
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE = 1, 2, 16
RENAME_EXCHANGE = 2
AT_FDCWD = -100
SECTOR = 4096

libc = ctypes.CDLL(None, use_errno=True)

# Names that have broken tools before: temporary names of btrfs send, bytes that are not UTF-8, escapes,
# the longest one.
ODD_NAMES = [
    b"o257-7-0", b"o260-9-0", b"\xff\xfe", b"a b", b"new\nline", b"quote'\"", b"back\\slash", b"-rf", b"tab\t",
    "größe".encode(), "日本".encode(), b"x" * 255, b"...", b"%s", b".hidden", b"*",
]
PLAIN_NAMES = [f"{word}{n}".encode() for word in ("dir", "file", "link") for n in range(9)]
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
TEXT = b"the quick brown cow follows the path of the lazy one, again and again; "


def checked(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def fallocate(descriptor, mode, offset, length):
    checked(libc.fallocate(descriptor, mode, ctypes.c_long(offset), ctypes.c_long(length)))


def exchange(one, other):
    checked(libc.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE))


def write_new(path, content):
    with open(path, "wb") as file:
        file.write(content)


def clone(source, target):
    """A whole file in the same places on the disk."""
    with open(source, "rb") as one, open(target, "wb") as other:
        fcntl.ioctl(other.fileno(), FICLONE, one.fileno())


def clone_range(source, start, length, target, goal):
    """Bytes of one open file in the same places on the disk as those of another; length 0 means to the end."""
    fcntl.ioctl(target, FICLONERANGE, struct.pack("<qQQQ", source, start, length, goal))


def alter_flags(path, given, taken):
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        flags = struct.unpack("<Q", fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, bytes(8)))[0]
        fcntl.ioctl(descriptor, FS_IOC_SETFLAGS, struct.pack("<Q", (flags | given) & ~taken))
    finally:
        os.close(descriptor)


class History:
    """One subvolume that changes; `others` are those that files may be reflinked from."""

    def __init__(self, root, rng, others):
        self.root = root
        self.random = rng
        self.others = others
        self.held_open = []

    # What is there now

    def inventory(self):
        """The paths by kind, in an order that depends on the history alone."""
        directories, files, others = [self.root], [], []
        for folder, subfolders, names in os.walk(self.root):
            subfolders.sort()
            paths = [os.path.join(folder, name) for name in subfolders]
            directories += [p for p in paths if os.path.isdir(p) and not os.path.islink(p)]
            paths = [p for p in paths if os.path.islink(p)] + [os.path.join(folder, name) for name in names]
            # Where a subvolume was nested that is gone by now, there is a name and nothing behind it.
            for path in sorted(filter(os.path.lexists, paths)):
                (files if stat.S_ISREG(os.lstat(path).st_mode) else others).append(path)
        return directories, files, others

    def free_path(self):
        """A path where nothing is yet, or none if the first tries are taken."""
        for _ in range(8):
            pool = ODD_NAMES if self.random.random() < 0.25 else PLAIN_NAMES
            path = os.path.join(self.random.choice(self.directories), self.random.choice(pool))
            if not os.path.lexists(path) and len(path) < 2500:
                return path
        return None

    def content(self, length):
        kind = self.random.random()
        if kind < 0.5:
            start = self.random.randrange(len(TEXT))
            return (TEXT * (length // len(TEXT) + 2))[start:start + length]
        if kind < 0.6:
            return bytes(length)
        return self.random.randbytes(length)

    def length(self):
        return self.random.choice([
            0, 1, self.random.randrange(2000), self.random.randrange(2000), SECTOR, self.random.randrange(20_000),
            self.random.randrange(300_000), 131_072 * self.random.randrange(1, 5), self.random.randrange(1_500_000)])

    def offset(self, size):
        offset = self.random.randrange(size + 1)
        return offset // SECTOR * SECTOR if self.random.random() < 0.5 else offset

    # Steps

    def operations(self):
        """Those that make something new, and those that change what is there; one that stands twice is likelier."""
        makers = [self.make_file, self.make_file, self.make_directory, self.make_special, self.make_sparse]
        changers = [
            self.overwrite, self.overwrite, self.append, self.truncate, self.punch, self.preallocate, self.zero_range,
            self.reflink_range, self.reflink_whole, self.reflink_within, self.hard_link, self.rename, self.rename,
            self.rename_directory, self.replace, self.exchange, self.turn_inside_out, self.delete, self.delete,
            self.delete_tree, self.make_again, self.unlink_while_open, self.change_mode, self.change_owner,
            self.change_times, self.set_attribute, self.set_attribute, self.remove_attribute, self.set_capability,
            self.set_acl, self.compress,
        ]
        return makers, changers

    def step(self):
        self.directories, self.files, self.specials = self.inventory()
        makers, changers = self.operations()
        growing = len(self.files) + len(self.directories) < 40
        operation = self.random.choice(makers if growing and self.random.random() < 0.7 else makers + changers)
        try:
            operation()
        except OSError as error:
            # A random step may be one that the filesystem refuses; it is then no step.
            if error.errno not in (errno.EINVAL, errno.ENOTEMPTY, errno.EEXIST, errno.EMLINK, errno.ENOENT,
                                   errno.EOPNOTSUPP, errno.EPERM, errno.ENAMETOOLONG, errno.EISDIR,
                                   errno.ENOTDIR, errno.ENOSPC, errno.ENODATA, errno.EXDEV, errno.EBUSY,
                                   errno.E2BIG, errno.EACCES, errno.EROFS):
                raise

    def make_file(self):
        if path := self.free_path():
            write_new(path, self.content(self.length()))

    def make_sparse(self):
        if path := self.free_path():
            with open(path, "wb") as file:
                for _ in range(self.random.randrange(1, 5)):
                    file.seek(self.random.randrange(4_000_000))
                    file.write(self.content(self.random.randrange(70_000)))

    def make_directory(self):
        if path := self.free_path():
            os.mkdir(path)

    def make_special(self):
        path = self.free_path()
        if not path:
            return
        kind = self.random.randrange(6)
        if kind < 2:
            os.symlink(self.random.choice([b"nowhere", b"../up", b"/etc/passwd", b"y" * 1000, b"\xff"]), path)
        elif kind == 2:
            os.mkfifo(path, 0o640)
        elif kind == 3:
            os.mknod(path, stat.S_IFSOCK | 0o600)
        else:
            type_bits = stat.S_IFCHR if kind == 4 else stat.S_IFBLK
            os.mknod(path, type_bits | 0o660, os.makedev(self.random.randrange(1, 300), self.random.randrange(70_000)))

    def some_file(self):
        return self.random.choice(self.files) if self.files else None

    def anything(self):
        everything = self.files + self.specials + self.directories[1:]
        return self.random.choice(everything) if everything else None

    def opened(self, action):
        if path := self.some_file():
            descriptor = os.open(path, os.O_RDWR)
            try:
                action(descriptor, os.fstat(descriptor).st_size)
            finally:
                os.close(descriptor)

    def overwrite(self):
        self.opened(lambda fd, size: os.pwrite(fd, self.content(self.random.randrange(1, 150_000)), self.offset(size)))

    def append(self):
        self.opened(lambda fd, size: os.pwrite(fd, self.content(self.random.randrange(1, 9000)), size))

    def truncate(self):
        self.opened(lambda fd, size: os.ftruncate(fd, self.random.choice([
            0, self.random.randrange(size + 1), size + self.random.randrange(200_000), size // SECTOR * SECTOR])))

    def punch(self):
        self.opened(lambda fd, size: fallocate(
            fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, self.offset(size), self.random.randrange(1, 300_000)))

    def zero_range(self):
        self.opened(lambda fd, size: fallocate(
            fd, FALLOC_FL_ZERO_RANGE, self.offset(size), self.random.randrange(1, 100_000)))

    def preallocate(self):
        self.opened(lambda fd, size: fallocate(
            fd, self.random.choice([0, FALLOC_FL_KEEP_SIZE]), self.offset(size), self.random.randrange(1, 300_000)))

    def reflink(self, source_path, target_path, within=False):
        with open(source_path, "rb") as source, open(target_path, "r+b") as target:
            size = os.fstat(source.fileno()).st_size
            start = self.random.randrange(size // SECTOR + 1) * SECTOR
            length = self.random.choice([0, self.random.randrange(1, 60) * SECTOR])
            if start + length > size:
                length = 0
            goal = self.random.randrange(os.fstat(target.fileno()).st_size // SECTOR + 2) * SECTOR
            if within and goal <= start < goal + (length or size):
                goal = (size // SECTOR + 1) * SECTOR
            clone_range(source.fileno(), start, length, target.fileno(), goal)

    def source_file(self):
        """A file of this subvolume or, now and then, of another."""
        if self.others and self.random.random() < 0.4:
            files = self.random.choice(self.others).inventory()[1]
            if files:
                return self.random.choice(files)
        return self.some_file()

    def reflink_range(self):
        source, target = self.source_file(), self.some_file()
        if source and target and source != target:
            self.reflink(source, target)

    def reflink_within(self):
        if path := self.some_file():
            self.reflink(path, path, within=True)

    def reflink_whole(self):
        source, target = self.source_file(), self.free_path()
        if source and target:
            clone(source, target)

    def hard_link(self):
        candidates, path = self.files + self.specials, self.free_path()
        if candidates and path:
            source = self.random.choice(candidates)
            # Many links of one inode go to extended references.
            os.link(source, path, follow_symlinks=False)
            if self.random.random() < 0.1:
                folder = os.path.dirname(path)
                for number in range(40):
                    os.link(source, os.path.join(folder, b"many-%03d-" % number + b"z" * 120), follow_symlinks=False)

    def rename(self):
        source, target = self.anything(), self.free_path()
        if source and target:
            os.rename(source, target)

    def rename_directory(self):
        if len(self.directories) > 1 and (target := self.free_path()):
            os.rename(self.random.choice(self.directories[1:]), target)

    def replace(self):
        source, target = self.anything(), self.anything()
        if source and target:
            os.rename(source, target)

    def exchange(self):
        one, other = self.anything(), self.anything()
        if one and other and one != other:
            exchange(one, other)

    def turn_inside_out(self):
        """a/b becomes b/a: the move that needs the most careful order."""
        inner = [d for d in self.directories[1:] if os.path.dirname(d) != self.root]
        spare = os.path.join(self.root, b"turning")
        if inner and not os.path.lexists(spare):
            child = self.random.choice(inner)
            parent = os.path.dirname(child)
            os.rename(child, spare)
            os.rename(parent, os.path.join(spare, b"inside-out-%d" % self.random.randrange(1000)))
            os.rename(spare, parent)

    def delete(self):
        candidates = self.files + self.specials
        if candidates:
            os.unlink(self.random.choice(candidates))

    def delete_tree(self):
        if len(self.directories) > 6:
            top = self.random.choice(self.directories[1:])
            for folder, subfolders, names in os.walk(top, topdown=False):
                for name in names:
                    os.unlink(os.path.join(folder, name))
                for name in subfolders:
                    path = os.path.join(folder, name)
                    os.unlink(path) if os.path.islink(path) else os.rmdir(path)
            os.rmdir(top)

    def make_again(self):
        """Another inode, perhaps of another kind, at the same path."""
        if path := self.some_file():
            os.unlink(path)
            if self.random.random() < 0.5:
                os.mkdir(path)
            else:
                write_new(path, self.content(self.length()))

    def unlink_while_open(self):
        """An inode without a name, which no stream may carry."""
        if path := self.some_file():
            self.held_open.append(os.open(path, os.O_RDWR))
            os.unlink(path)

    def change_mode(self):
        if path := self.random.choice(self.files + self.directories):
            os.chmod(path, self.random.choice([0o600, 0o644, 0o755, 0o4755, 0o2755, 0o1777, 0o000]))

    def change_owner(self):
        if path := self.anything():
            os.lchown(path, self.random.choice([0, 1, 1000, 4_000_000_000]), self.random.choice([0, 100, 65_534]))

    def change_times(self):
        if path := self.anything():
            moment = self.random.randrange(0, 4_000_000_000_000_000_000)
            os.utime(path, ns=(moment, moment), follow_symlinks=False)

    def set_attribute(self):
        if path := self.random.choice(self.files + self.directories):
            name = self.random.choice([b"user.one", b"user.two", b"user." + b"n" * 200, b"trusted.three"])
            os.setxattr(path, name, self.random.randbytes(self.random.choice([0, 1, 30, 3000])))

    def remove_attribute(self):
        if path := self.random.choice(self.files + self.directories):
            names = [n for n in os.listxattr(path) if not n.startswith("btrfs.")]
            if names:
                os.removexattr(path, self.random.choice(sorted(names)))

    def set_capability(self):
        if path := self.some_file():
            os.setxattr(path, b"security.capability", CAPABILITY)

    def set_acl(self):
        """Never a default one on the root: btrfs send makes every new inode there first, where it would inherit it."""
        if path := self.random.choice(self.files + self.directories):
            entries = [(1, 7, -1), (2, self.random.randrange(8), 1000), (4, 5, -1), (16, 7, -1), (32, 4, -1)]
            packed = struct.pack("<I", 2) + b"".join(
                struct.pack("<HHI", tag, permissions, who & 0xFFFFFFFF) for tag, permissions, who in entries)
            default = path in self.directories[1:] and self.random.random() < 0.5
            os.setxattr(path, b"system.posix_acl_default" if default else b"system.posix_acl_access", packed)

    def compress(self):
        """Either by the property, which is an extended attribute, or by the flag, which is not; not on the root,
        for the reason above."""
        path = self.random.choice(self.files + self.directories[1:] or self.directories)
        if path == self.root:
            return
        if self.random.random() < 0.5:
            os.setxattr(path, b"btrfs.compression", self.random.choice([b"zlib", b"lzo", b"zstd"]))
            return
        alter_flags(path, FS_COMPR_FL, 0)


def btrfs(*arguments):
    subprocess.run(["btrfs", *arguments], check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description="Make a random history on a btrfs, with snapshots.")
    parser.add_argument("directory", type=os.fsencode)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--snapshots", type=int, default=4, help="of each subvolume (default 4)")
    parser.add_argument("--operations", type=int, default=80, help="between two snapshots (default 80)")
    parser.add_argument("--subvolumes", type=int, default=1, choices=range(1, 27), metavar="1..26")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    histories = []
    for number in range(options.subvolumes):
        root = os.path.join(options.directory, bytes([ord("a") + number]))
        btrfs("subvolume", "create", root)
        histories.append(History(root, rng, list(histories)))
    for generation in range(options.snapshots):
        for history in histories:
            for _ in range(options.operations):
                history.step()
            snapshot = history.root + b".%d" % generation
            btrfs("subvolume", "snapshot", "-r", history.root, snapshot)
            sys.stdout.buffer.write(snapshot + b"\n")
            sys.stdout.flush()
    for history in histories:
        for descriptor in history.held_open:
            os.close(descriptor)


if __name__ == "__main__":
    main()

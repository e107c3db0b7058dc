#!/usr/bin/env python3
"""Compares two directory trees in everything that replication should keep.

It shares no code with the program, so that a mistake in how the program reads a
tree cannot hide itself. Standard library only; Linux.

    compare_trees.py A B [--ignore FIELD,...] [--holes same|kept|ignore]

Exit status: 0 the trees are the same, 1 they differ (the differences are
printed), 2 something could not be read.

Fields: kind mode owner mtime size content target xattrs links holes device flags
`flags` (chattr) is compared only with --flags.
"""

import argparse
import errno
import fcntl
import os
import stat
import struct
import sys

CHUNK = 1 << 20
# Filesystems allocate in blocks of this size; what lies between two multiples of it cannot be a hole alone.
BLOCK = 4096
FS_IOC_GETFLAGS = 0x80086601
# FS_*_FL of ioctl_iflags(2) that a user sets: append, noatime, no compression, compression, dirsync,
# immutable, nocow, nodump, sync.
USER_FLAGS = 0x20 | 0x80 | 0x400 | 0x4 | 0x10000 | 0x10 | 0x800000 | 0x40 | 0x8

KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symbolic link", stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device",
}


def shown(name):
    """A name as text, whatever its bytes are."""
    return name.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")


class Comparison:
    def __init__(self, options):
        self.options = options
        self.ignored = set(filter(None, options.ignore.split(",")))
        self.differences = 0
        self.compared = 0
        # For every inode with several names, the first of them met; one table for each side.
        self.first_names = ({}, {})

    def say(self, line):
        print(line)

    def differ(self, path, field, left=None, right=None):
        if field in self.ignored:
            return
        self.differences += 1
        if self.differences <= self.options.limit:
            detail = "" if left is None and right is None else f": {left} | {right}"
            self.say(f"{shown(path) or '.'}: {field}{detail}")

    def compare(self, left, right):
        """Walks both trees side by side, without recursion: a tree can be deeper than Python's stack."""
        waiting = [b""]
        while waiting:
            path = waiting.pop()
            both_directories = self.compare_inode(path, os.path.join(left, path), os.path.join(right, path))
            if not both_directories:
                continue
            names = self.names(path, left, right)
            for name in sorted(names[0] ^ names[1]):
                missing = "only in the first" if name in names[0] else "only in the second"
                self.differ(os.path.join(path, name), missing)
            for name in sorted(names[0] & names[1], reverse=True):
                waiting.append(os.path.join(path, name))

    def names(self, path, left, right):
        """What is in one directory, on both sides."""
        return [set(os.listdir(os.path.join(side, path) or b".")) for side in (left, right)]

    def compare_inode(self, path, left, right):
        """Compares one name; true if both are directories to be entered."""
        a, b = os.lstat(left), os.lstat(right)
        self.compared += 1
        kinds = [KINDS.get(stat.S_IFMT(s.st_mode), "unknown") for s in (a, b)]
        if kinds[0] != kinds[1]:
            self.differ(path, "kind", *kinds)
            return False
        if path or not self.options.skip_root:
            self.compare_attributes(path, left, right, a, b)
        if kinds[0] == "file":
            self.compare_file(path, left, right, a, b)
        elif kinds[0] == "symbolic link":
            targets = [os.readlink(p) for p in (left, right)]
            if targets[0] != targets[1]:
                self.differ(path, "target", shown(targets[0]), shown(targets[1]))
        elif kinds[0].endswith("device") and a.st_rdev != b.st_rdev:
            self.differ(path, "device", device(a), device(b))
        return kinds[0] == "directory"

    def compare_attributes(self, path, left, right, a, b):
        if not stat.S_ISLNK(a.st_mode) and stat.S_IMODE(a.st_mode) != stat.S_IMODE(b.st_mode):
            self.differ(path, "mode", oct(stat.S_IMODE(a.st_mode)), oct(stat.S_IMODE(b.st_mode)))
        if (a.st_uid, a.st_gid) != (b.st_uid, b.st_gid):
            self.differ(path, "owner", f"{a.st_uid}:{a.st_gid}", f"{b.st_uid}:{b.st_gid}")
        if a.st_mtime_ns != b.st_mtime_ns:
            self.differ(path, "mtime", a.st_mtime_ns, b.st_mtime_ns)
        if "xattrs" not in self.ignored:
            self.compare_xattrs(path, left, right)
        if self.options.flags and (stat.S_ISREG(a.st_mode) or stat.S_ISDIR(a.st_mode)):
            flags = [inode_flags(p) for p in (left, right)]
            if flags[0] != flags[1]:
                self.differ(path, "flags", *map(hex, flags))
        if not stat.S_ISDIR(a.st_mode) and (a.st_nlink > 1 or b.st_nlink > 1):
            firsts = [
                names.setdefault((s.st_dev, s.st_ino), path) for names, s in zip(self.first_names, (a, b))]
            if firsts[0] != firsts[1]:
                self.differ(path, "links", f"same as {shown(firsts[0])}", f"same as {shown(firsts[1])}")

    def compare_xattrs(self, path, left, right):
        sides = [self.xattrs(p) for p in (left, right)]
        for name in sorted(set(sides[0]) | set(sides[1])):
            values = [side.get(name) for side in sides]
            if values[0] != values[1]:
                self.differ(path, "xattrs", *(f"{name}={'absent' if v is None else v.hex()[:80]}" for v in values))

    def xattrs(self, path):
        try:
            names = os.listxattr(path, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.ENOTSUP:
                return {}
            raise
        kept = [n for n in names if not any(n.startswith(p) for p in self.options.skip_xattr)]
        return {n: os.getxattr(path, n, follow_symlinks=False) for n in kept}

    def compare_file(self, path, left, right, a, b):
        if a.st_size != b.st_size:
            self.differ(path, "size", a.st_size, b.st_size)
            return
        if a.st_size == 0 or {"content", "holes"} <= self.ignored:
            return
        with open(left, "rb", buffering=0) as one, open(right, "rb", buffering=0) as other:
            holes = [data_ranges(f.fileno(), a.st_size) for f in (one, other)]
            self.compare_holes(path, holes, a.st_size)
            if "content" not in self.ignored:
                self.compare_content(path, one, other, merged(holes[0] + holes[1]))

    def compare_content(self, path, one, other, ranges):
        """Only where one of them has data: two holes read the same."""
        for start, end in ranges:
            for offset in range(start, end, CHUNK):
                count = min(CHUNK, end - offset)
                pieces = [os.pread(f.fileno(), count, offset) for f in (one, other)]
                if pieces[0] != pieces[1]:
                    at = next((i for i, (x, y) in enumerate(zip(*pieces)) if x != y), min(map(len, pieces)))
                    self.differ(path, "content", f"first differs at byte {offset + at}", "")
                    return

    def compare_holes(self, path, ranges, size):
        if self.options.holes == "ignore":
            return
        whole = [[(s // BLOCK, -(-e // BLOCK)) for s, e in side] for side in ranges]
        whole = [merged(side) for side in whole]
        if self.options.holes == "kept":
            # Data in the second where the first has a hole; the other way round is no loss.
            outside = [r for r in whole[1] if not any(s <= r[0] and r[1] <= e for s, e in whole[0])]
            if outside:
                self.differ(path, "holes", f"{whole[0][:6]} of blocks", f"{whole[1][:6]}")
        elif whole[0] != whole[1]:
            self.differ(path, "holes", f"data in blocks {whole[0][:6]}", f"{whole[1][:6]}")


def device(status):
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"


def inode_flags(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        answer = fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, bytes(8))
        return struct.unpack("<Q", answer)[0] & USER_FLAGS
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.ENOTSUP, errno.EOPNOTSUPP):
            return 0
        raise
    finally:
        os.close(descriptor)


def data_ranges(descriptor, size):
    ranges, offset = [], 0
    while offset < size:
        try:
            start = os.lseek(descriptor, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            raise
        if start >= size:
            break
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        ranges.append((start, min(end, size)))
        offset = end
    return ranges


def merged(ranges):
    result = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def main():
    parser = argparse.ArgumentParser(description="Compare two directory trees in everything.")
    parser.add_argument("left", type=os.fsencode)
    parser.add_argument("right", type=os.fsencode)
    parser.add_argument("--ignore", default="", help="fields not to compare, separated by commas")
    parser.add_argument("--holes", default="same", choices=["same", "kept", "ignore"],
                        help="same: the same holes; kept: the second has at least those of the first")
    parser.add_argument("--skip-xattr", action="append", default=[], metavar="PREFIX")
    parser.add_argument("--skip-root", action="store_true", help="leave out the attributes of the two roots")
    parser.add_argument("--flags", action="store_true", help="compare file flags (chattr) too")
    parser.add_argument("--limit", type=int, default=20, help="differences to print (default 20)")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing when they are the same")
    options = parser.parse_args()
    comparison = Comparison(options)
    if "holes" in comparison.ignored:
        options.holes = "ignore"
    try:
        comparison.compare(options.left, options.right)
    except OSError as error:
        print(f"compare_trees: {error}", file=sys.stderr)
        return 2
    if comparison.differences > options.limit:
        print(f"... and {comparison.differences - options.limit} more")
    if comparison.differences == 0 and not options.quiet:
        print(f"the same: {comparison.compared} names compared")
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())

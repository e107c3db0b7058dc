"""Which blocks of files are data, which are allocated and unwritten, and which are shared, as FIEMAP tells it."""

import fcntl
import os
import stat
import struct
import sys
from collections import defaultdict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import compare_trees  # noqa: E402

FS_IOC_FIEMAP = 0xC020660B
FIEMAP_FLAG_SYNC = 0x1
# Of a file that is not copied on write, and has no checksums for it (ioctl_iflags(2)).
FS_NOCOW_FL = 0x800000
# FIEMAP_EXTENT_*: the last of the file; compressed or encrypted; inside an item of the tree; allocated, never written.
LAST, ENCODED, INLINE, UNWRITTEN = 0x1, 0x8, 0x200, 0x800
HEAD, EXTENT = struct.Struct("<QQIIII"), struct.Struct("<QQQ16xI12x")
AT_ONCE = 512
BLOCK = 4096


def extents(path):
    """(offset, where it lies on the disk, length, flags) of every extent of a file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        start = 0
        while True:
            buffer = bytearray(HEAD.pack(start, 2**64 - 1 - start, FIEMAP_FLAG_SYNC, 0, AT_ONCE, 0))
            buffer += bytes(AT_ONCE * EXTENT.size)
            fcntl.ioctl(descriptor, FS_IOC_FIEMAP, buffer)
            count = HEAD.unpack_from(buffer)[3]
            for number in range(count):
                found = EXTENT.unpack_from(buffer, HEAD.size + number * EXTENT.size)
                yield found
                start = found[0] + found[2]
            if count == 0 or found[3] & LAST:
                return
    finally:
        os.close(descriptor)


class Layout:
    """Where the files of one snapshot lie."""

    def __init__(self, root):
        # By path: the blocks with contents and where each lies (None if in the tree itself), those without.
        self.data, self.unwritten = {}, {}
        # By path: the number of the inode; whether it is overwritten in place.
        self.numbers, self.in_place = {}, {}
        # Of what has thousands of links, one name is enough.
        seen = set()
        for folder, subfolders, names in os.walk(root):
            subfolders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                status = os.lstat(path) if os.path.lexists(path) else None
                if status and stat.S_ISREG(status.st_mode) and status.st_ino not in seen:
                    seen.add(status.st_ino)
                    self.add(path[len(root) + 1:], path)
                    self.numbers[path[len(root) + 1:]] = status.st_ino
                    self.in_place[path[len(root) + 1:]] = bool(compare_trees.inode_flags(path) & FS_NOCOW_FL)

    def add(self, name, path):
        data, unwritten = {}, set()
        for offset, physical, length, flags in extents(path):
            blocks = range(offset // BLOCK, -(-(offset + length) // BLOCK))
            if flags & UNWRITTEN:
                unwritten.update(blocks)
            elif flags & INLINE:
                data.update(dict.fromkeys(blocks))
            elif flags & ENCODED:
                # The kernel names only the start of the whole extent, whatever part of it this is.
                data.update(dict.fromkeys(blocks, (physical, ENCODED)))
            else:
                data.update((block, (physical + block * BLOCK - offset, 0)) for block in blocks)
        self.data[name], self.unwritten[name] = data, unwritten

    def zeroed(self, base, original):
        """By path: blocks set aside in the original whose file held data in the snapshot that this one began as."""
        before = {number: base.data[name] for name, number in base.numbers.items()}
        return {name: original.unwritten.get(name, set()) & set(before.get(number, ()))
                for name, number in self.numbers.items()}

    def holes_filled(self, allowed, zeroed):
        """Blocks that hold data here and in none of the other layouts, and need not be zeros: lost holes."""
        lost = []
        for name, blocks in self.data.items():
            extra = set(blocks) - zeroed.get(name, set())
            for other in allowed:
                extra -= set(other.data.get(name, ()))
            if extra:
                lost.append((name, sorted(extra)))
        return lost

    def lost_preallocation(self, original):
        """Blocks allocated ahead in the original that are holes here."""
        lost = []
        for name, blocks in original.unwritten.items():
            missing = blocks - self.unwritten.get(name, set()) - set(self.data.get(name, ()))
            if missing:
                lost.append((name, sorted(missing)))
        return lost


def shared_groups(chain):
    """What lies at each place of the disk: {place: {(snapshot, path, block)}}."""
    groups = defaultdict(set)
    for number, layout in enumerate(chain):
        for name, blocks in layout.data.items():
            for block, place in blocks.items():
                if place is not None:
                    groups[place].add((number, name, block))
    return groups


def less_shared(chain, yardstick):
    """What shares its blocks in the chain of layouts that is the yardstick, and does not here: pairs of members.

    The kernel lets no file with checksums share with one without. Where one sender says file flags and the other does
    not, files that were alike can have come apart.
    """
    lost = []
    for (_, encoded), members in shared_groups(yardstick).items():
        if len(members) < 2:
            continue
        if encoded:
            lost += apart(files_of(members, chain))
        else:
            lost += apart({member: {chain[member[0]].data.get(member[1], {}).get(member[2])} for member in members})
    return [(one, other) for one, other in lost if in_place(one, chain) == in_place(other, chain)]


def in_place(member, chain):
    return chain[member[0]].in_place.get(member[1])


def files_of(members, chain):
    """Of a compressed extent only its start is known: the files that use it must share something."""
    places = defaultdict(set)
    for number, name, block in members:
        places[number, name].add(chain[number].data.get(name, {}).get(block))
    return places


def apart(places):
    """Members that have no place in common with the first; those that lie nowhere (holes, inline) count as shared."""
    members = sorted(member for member, found in places.items() if found - {None})
    return [(members[0], member) for member in members[1:] if not places[member] & places[members[0]]]

"""A received snapshot beside the one that was sent: trees, identities, extents."""

import argparse
import os
import sys

from extents import less_shared
from machine import run, shown_subvolume

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import compare_trees  # noqa: E402

# BTRFS_EMPTY_SUBVOL_DIR_OBJECTID: what a snapshot has in place of a nested subvolume.
STUB_INODE = 2
# BTRFS_FIRST_FREE_OBJECTID: the root of every subvolume.
ROOT_INODE = 256
SHOWN_AT_MOST = 6
# Of a snapshot, as many blocks may be written that btrfs shares: one at an end that is not aligned, which a clone of
# another length takes or does not.
FEW_BLOCKS = 1


class TreeComparison(compare_trees.Comparison):
    """Everything, with what btrfs has of its own; differences are kept, not printed."""

    def __init__(self, flags):
        super().__init__(argparse.Namespace(
            ignore="", holes="ignore", skip_xattr=[], skip_root=False, flags=flags, limit=SHOWN_AT_MOST))
        # What differs, as text, and as pairs of a path and a field.
        self.lines, self.found, self.stubs = [], set(), 0

    def differ(self, path, field, left=None, right=None):
        self.found.add((path, field))
        super().differ(path, field, left, right)

    def say(self, line):
        self.lines.append(line)

    def names(self, path, left, right):
        """A nested subvolume arrives as an empty directory or not at all: its attributes are nobody's."""
        sides = super().names(path, left, right)
        for name in sorted(sides[0]):
            if is_stub(os.path.join(left, path, name)):
                self.stubs += 1
                there = os.path.join(right, path, name)
                if name in sides[1] and (not os.path.isdir(there) or os.listdir(there)):
                    self.differ(os.path.join(path, name), "a nested subvolume is not an empty directory")
                sides = [side - {name} for side in sides]
        return sides


def is_stub(path):
    """Once the nested subvolume has been deleted, there is a name and nothing behind it."""
    return not os.path.lexists(path) or os.lstat(path).st_ino == STUB_INODE


def compared_trees(original, received, flags):
    comparison = TreeComparison(flags)
    comparison.compare(original, received)
    return comparison


def tree_differences(original, received, flags):
    return compared_trees(original, received, flags).lines


def rsync_differences(original, received):
    """What rsync would do to make the received like the original: nothing. It looks at no contents of files whose size
    and time are the same."""
    done = run("rsync", "-aniHAX", "--delete", original + b"/", received + b"/")
    return [f"rsync: {line}" for line in done.stdout.decode("utf-8", "backslashreplace").splitlines()[:SHOWN_AT_MOST]]


def identity_differences(received, sent, transid=None):
    """What `btrfs subvolume show` must say, so that the stock tools take it as a parent; `sent` is what it says of the
    original, `transid` what the yardstick was sent with."""
    if os.lstat(received).st_ino != ROOT_INODE:
        return ["it is no subvolume"]
    said = shown_subvolume(received)
    # It is known by the UUID it was first sent with, wherever it has been since.
    identity = sent["UUID"] if sent["Received UUID"] == "-" else sent["Received UUID"]
    wanted = {"Received UUID": identity, "Flags": "readonly", "Send transid": transid}
    found = [f"{label} is {said.get(label)}, not {value}" for label, value in wanted.items()
             if value is not None and said.get(label) != value]
    if said["UUID"] in (identity, "-"):
        found.append("it has no UUID of its own")
    return found


def layout_differences(layouts, originals, yardstick, strict, base=None):
    """Holes and sharing of the newest of a chain of layouts.

    At least what the yardstick's chain has must be there; with `strict`, every hole of the original itself. `base` is
    the layout of the received parent, where ours may have sent in protocol 1.
    """
    newest, found = layouts[-1], []
    # Protocol 1 writes zeros in place of a hole that was punched: how many must be, only the yardstick tells.
    if strict or yardstick is not None:
        allowed = [originals[-1]] if strict else [originals[-1], yardstick[-1]]
        # Nor does it know space set aside. In place of data, btrfs send clones it if another file has the same: there
        # it is a hole, and this becomes one. Ours writes zeros.
        zeroed = newest.zeroed(base, originals[-1]) if base else {}
        found += [f"holes filled: {shown(name)}, blocks {blocks[:SHOWN_AT_MOST]}"
                  for name, blocks in newest.holes_filled(allowed, zeroed)]
    if strict:
        found += [f"preallocation lost: {shown(name)}, blocks {blocks[:SHOWN_AT_MOST]}"
                  for name, blocks in newest.lost_preallocation(originals[-1])]
    if yardstick is not None:
        lost = [pair for pair in less_shared(layouts, yardstick) if pair[1][0] == len(layouts) - 1]
        if len(lost) > FEW_BLOCKS:
            found.append(f"{len(lost)} blocks are not shared that are after btrfs send and receive")
            found += [f"    {member(one)} and {member(other)}" for one, other in lost[:SHOWN_AT_MOST]]
    return found


def member(place):
    # Of a compressed extent nothing tells which blocks.
    number, name, *block = place
    return " ".join([f"snapshot {number} {shown(name)}", *(f"block {found}" for found in block)])


def shown(name):
    return compare_trees.shown(name)

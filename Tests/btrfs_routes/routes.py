"""The same snapshots by every route: sent by one program or the other, received by one or the other.

Each route has a file system of its own as its target, since a receiver finds a parent anywhere on its own. What
`btrfs send` and `btrfs receive` make of a snapshot is the yardstick for holes and for what is shared.
"""

import os
import random
import re
import shutil
from dataclasses import dataclass, field

from comparing import compared_trees, identity_differences, layout_differences, rsync_differences
from extents import Layout
from machine import CommandFailed, btrfs, run, shown_subvolume

OURS, STOCK = "cowpath", "btrfs"
# A stream of ours in the encoding of cowpath; the others are those of btrfs.
OWN = "cowpath-own"
YARDSTICK, FROM_STOCK, FROM_OURS = "btrfs to btrfs", "btrfs to cowpath", "cowpath to cowpath"
# Sender and receiver by turns, each taking up what another has left.
MIXED = "mixed"
# Where `btrfs send` is known to fail: it moves new inodes by way of the root, whose time it then does not restore, and
# where only the owner of a file changes it does not say again the mode, of which chown clears the privileged bits. Of
# inodes without a name it may leave its temporary names behind.
NEVER_SAID = {"mtime", "mode"}
LEFT_BEHIND = re.compile(rb"o\d+-\d+-\d+")
ROUTES = {
    YARDSTICK: (STOCK, STOCK),
    FROM_STOCK: (STOCK, OURS),
    "cowpath to btrfs": (OURS, STOCK),
    FROM_OURS: (OURS, OURS),
    MIXED: None,
}


@dataclass
class Transfer:
    """One snapshot, and what the receiver already has."""
    snapshot: bytes
    parent: bytes = None
    clones: list = field(default_factory=list)


@dataclass
class Mode:
    protocol: int = 1
    # Compressed extents as they lie on the disk.
    compressed: bool = False
    # From ours to ours, the stream of cowpath in place of that of btrfs.
    own_encoding: bool = False
    # Ours starts from a bookmark of the parent, which has been deleted.
    bookmarks: bool = False

    def __str__(self):
        words = [f"protocol {self.protocol}"]
        words += ["compressed data"] * self.compressed + ["own encoding"] * self.own_encoding
        return ", ".join(words + ["bookmarks"] * self.bookmarks)

    def options(self):
        return ["--proto", str(self.protocol), *["--compressed-data"] * self.compressed]


class Programs:
    """The two senders and the two receivers. `stand_in` names the sides where ours is not used but the stock one."""

    def __init__(self, cowpath, stand_in=()):
        self.cowpath = cowpath
        self.stock_sends, self.stock_receives = "send" in stand_in, "receive" in stand_in

    def send(self, kind, transfer, base, mode, stream):
        base = ["-p", base] if base else []
        clones = [word for clone in transfer.clones for word in ("-c", clone)]
        if kind == STOCK or self.stock_sends:
            # Without a parent `btrfs send` wants to find one among the clone sources, and fails if there is none.
            run("btrfs", "send", "-q", *mode.options(), *base, *(clones if base else []), "-f", stream,
                transfer.snapshot)
            return
        how = mode.options()[2:] if kind == OWN else ["--format", "btrfs", *mode.options()]
        run(self.cowpath, "send", "-q", *how, *base, *clones, "-f", stream, transfer.snapshot)

    def bookmark(self, snapshot, file):
        run(self.cowpath, "bookmark", snapshot, file)

    def receive(self, receiver, stream, directory):
        program = "btrfs" if receiver == STOCK or self.stock_receives else self.cowpath
        run(program, "receive", "-q", "-f", stream, directory)


class Case:
    """One history on its way by all routes. `failures` says what went wrong, a line each."""

    def __init__(self, label, programs, targets, work, mode, seed=0, keep=None, asks_rsync=False,
                 shares=True):
        self.label, self.programs, self.mode, self.keep = label, programs, mode, keep
        # What moves on the disk while it is sent need not be shared.
        self.asks_rsync, self.shares = asks_rsync, shares
        self.random, self.work = random.Random(seed), os.path.join(work, "case")
        # Of a case that was broken off.
        shutil.rmtree(self.work, ignore_errors=True)
        os.mkdir(self.work)
        # Those who have not failed yet, the yardstick first.
        self.places = {route: target.folder() for route, target in targets.items()}
        self.failures, self.stock_failures, self.compared = [], [], 0
        # The snapshots so far, and how they lie.
        self.sent, self.originals = [], []
        self.layouts = {route: [] for route in self.places}
        self.bookmarks, self.waiting = {}, []
        # What the yardstick's newest was sent with, and what was lost on its way: paths with fields; all such fields.
        self.transid, self.unsaid, self.fields_unsaid = None, set(), set()

    def failed(self, route, transfer, lines, stream):
        name = os.fsdecode(os.path.basename(transfer.snapshot))
        said = [f"{self.label} ({self.mode}), {route}, {name}:"]
        said += ["    " + line for text in lines for line in text.splitlines()[:12]]
        if route == YARDSTICK:
            # What btrfs itself cannot do is no fault of ours, and its streams prove nothing any longer.
            self.stock_failures += said
            for other in (MIXED, FROM_STOCK):
                self.places.pop(other, None)
            return
        self.failures += said
        if self.keep and os.path.exists(stream):
            os.makedirs(self.keep, exist_ok=True)
            words = re.sub(r"[^A-Za-z0-9.]+", "-", f"{self.label} {self.mode} {route} {name}")
            shutil.copy(stream, os.path.join(self.keep, words + ".stream"))

    def carry(self, transfers):
        """Takes the transfers in turn by every route; one that has failed is not gone further."""
        self.waiting = list(transfers)
        for transfer in transfers:
            self.waiting.remove(transfer)
            self.sent.append(transfer.snapshot)
            self.originals.append(Layout(transfer.snapshot))
            said = shown_subvolume(transfer.snapshot)
            streams, self.transid, self.unsaid = self.streams(transfer), None, set()
            for route in list(self.places):
                if route not in self.places:
                    continue
                sender, receiver = ROUTES[route] or self.either()
                own = self.mode.own_encoding and route == FROM_OURS
                kind = OWN if own else sender
                stream, error = streams[kind]
                try:
                    lines = error or self.one(route, transfer, kind, receiver, stream, said)
                except (CommandFailed, OSError) as error:
                    lines = [str(error)]
                if lines:
                    del self.places[route]
                    self.failed(route, transfer, lines, stream)
            self.remember(transfer)

    def either(self):
        """Flags that a receiver of ours has set, btrfs receive does not take off again, and fails for it."""
        choices = [OURS, STOCK]
        return self.random.choice(choices), self.random.choice(choices) if self.mode.protocol == 1 else OURS

    def streams(self, transfer):
        """The stream of every sender: where it lies, and what went wrong with it."""
        found = {STOCK: self.stream(STOCK, transfer, transfer.parent)}
        base = transfer.parent
        if base in self.bookmarks:
            if not any(base == later.parent or base in later.clones for later in self.waiting):
                btrfs("subvolume", "delete", base)
            base = self.bookmarks[base]
        found[OURS] = self.stream(OURS, transfer, base)
        if self.mode.own_encoding:
            found[OWN] = self.stream(OWN, transfer, base)
        return found

    def stream(self, kind, transfer, base):
        path = os.path.join(self.work, kind + ".stream")
        if os.path.exists(path):
            os.unlink(path)
        try:
            self.programs.send(kind, transfer, base, self.mode, path)
        except CommandFailed as error:
            return path, [str(error)]
        return path, None

    def one(self, route, transfer, kind, receiver, stream, said):
        """One transfer by one route: what is wrong with the result."""
        self.programs.receive(receiver, stream, self.places[route])
        received = os.path.join(self.places[route], os.path.basename(transfer.snapshot))
        self.compared += 1
        ours_sent = kind != STOCK and not self.programs.stock_sends
        modern = kind == OWN and ours_sent or self.mode.protocol > 1
        ours_received = receiver == OURS and not self.programs.stock_receives
        if not os.path.isdir(received):
            return ["nothing was made"]
        # btrfs send says no flags of new inodes, and btrfs receive ignores all; protocol 1 knows neither flags nor holes.
        strict = ours_sent and modern and route != MIXED
        trees = compared_trees(transfer.snapshot, received, flags=strict and ours_received)
        lines = [] if self.is_forgiven(route, ours_sent, trees.found) else trees.lines
        if self.asks_rsync and route == FROM_OURS and not trees.stubs:
            lines += rsync_differences(transfer.snapshot, received)
        if route == YARDSTICK:
            self.transid = shown_subvolume(received).get("Send transid")
        lines += identity_differences(received, said, self.transid)
        layouts, yardstick = self.layouts[route], self.layouts[YARDSTICK]
        layouts.append(Layout(received))
        whole = len(yardstick) == len(layouts) and self.shares
        # Zeros of ours stay when the other sends the next.
        may_zero = transfer.parent and not modern and (ours_sent or route == MIXED)
        base = layouts[self.sent.index(transfer.parent)] if may_zero else None
        return lines + layout_differences(layouts, self.originals, yardstick if whole else None, strict, base)

    def is_forgiven(self, route, ours_sent, differences):
        """What `btrfs send` does not say no receiver can know; all else is required."""
        if route == YARDSTICK:
            self.unsaid = {(path, field) for path, field in differences if field in NEVER_SAID
                           or field == "only in the second" and LEFT_BEHIND.fullmatch(path)}
            self.fields_unsaid |= {field for _, field in self.unsaid}
        if route == MIXED:
            return all(field in self.fields_unsaid for _, field in differences)
        return differences <= self.unsaid and not (ours_sent and differences)

    def remember(self, transfer):
        if self.mode.bookmarks and not self.programs.stock_sends:
            file = os.path.join(self.work, f"bookmark-{len(self.bookmarks)}")
            self.programs.bookmark(transfer.snapshot, file)
            self.bookmarks[transfer.snapshot] = file

    def done(self):
        shutil.rmtree(self.work)

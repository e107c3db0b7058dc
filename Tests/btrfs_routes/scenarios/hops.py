"""From one file system to a second, on to a third, and back: each must know the snapshot by the UUID it first had."""

import os
from functools import partial

from comparing import identity_differences, tree_differences
from machine import CommandFailed, btrfs, shown_subvolume
from routes import OURS, STOCK, Mode, Transfer
from scenarios.scenario import Tree, noise

# Sender and receiver of every hop.
WAYS = {
    "all of ours": [(OURS, OURS)] * 3,
    "all of btrfs": [(STOCK, STOCK)] * 3,
    "ours between": [(STOCK, STOCK), (OURS, OURS), (STOCK, STOCK)],
    "btrfs between": [(OURS, OURS), (STOCK, STOCK), (OURS, OURS)],
    "ours sends, btrfs receives": [(OURS, STOCK)] * 3,
    "btrfs sends, ours receives": [(STOCK, OURS)] * 3,
}


def tasks():
    return [partial(perform, way) for way in WAYS]


def perform(way, worker, result):
    worker.make(["-O", "no-holes"])
    first, second, third = worker.source, *list(worker.targets.values())[:2]
    tree = Tree(first.folder(), b"tree")
    originals = []
    for number in range(3):
        tree.file(f"dir-{number}/f", content=noise(100_000, number))
        tree.write("dir-0/f", 30_000 * number, noise(5000, 10 + number))
        originals.append(os.path.join(tree.place, b"%d" % number))
        btrfs("subvolume", "snapshot", "-r", tree.root, originals[-1])
    places = [tree.place, second.folder(), third.folder(), first.folder()]
    stream = os.path.join(worker.work, "stream")
    for hop, (sender, receiver) in enumerate(WAYS[way]):
        # Back where it came from, the newest alone: its base there is the original itself.
        numbers = range(3) if hop < 2 else [2]
        for number in numbers:
            snapshot, base = (os.path.join(places[hop], b"%d" % n) for n in (number, number - 1))
            try:
                worker.programs.send(sender, Transfer(snapshot), base if number else None, Mode(2), stream)
                worker.programs.receive(receiver, stream, places[hop + 1])
                received = os.path.join(places[hop + 1], b"%d" % number)
                lines = tree_differences(originals[number], received, flags=False)
                lines += identity_differences(received, shown_subvolume(originals[number]))
            except (CommandFailed, OSError) as error:
                lines = [str(error)]
            result.compared += 1
            if lines:
                result.failed += 1
                result.lines += [f"{way}, hop {hop + 1}, snapshot {number}:", *("    " + line for line in lines)]
                return
    os.unlink(stream)

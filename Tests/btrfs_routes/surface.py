"""The options of `btrfs send` and `btrfs receive`, with `cowpath send --format btrfs` and `cowpath receive` instead.

Scripts that were written for the stock commands go on working: every row is run with both, which must agree whether it
succeeds, on what they say, and on what comes of it.
"""

import os
import re
import shlex

from comparing import tree_differences
from machine import btrfs, run

# What is run, in a folder with a file system `source`, its snapshots `source/one` (full), `source/two` (a next one) and
# `source/other`, the streams one, two and both, and an empty `target`. {send} and {receive} are the programs.
WORKS = {
    "send to a file": "{send} -f out source/one && {receive} -f out target",
    "send to a pipe": "{send} source/one | {receive} target",
    "several words in one option": "{send} -qf out source/one && {receive} -qf out target",
    "send quietly": "{send} -q source/one | {receive} -q target",
    "send with a parent": "{receive} -f one target && {send} -p source/one source/two | {receive} target",
    "send with clone sources": "{receive} -f one target && {receive} -f other target"
                               " && {send} -p source/one -c source/one -c source/other source/two | {receive} target",
    "send with a clone source alone": "{receive} -f one target && {send} -c source/one source/two | {receive} target",
    "send several": "{send} source/one source/other | {receive} target",
    "send several with one end": "{send} -e source/one source/other | {receive} -e target",
    "send several from one parent": "{receive} -f one target"
                                    " && {send} -p source/one source/two source/other | {receive} target",
    "protocol 1": "{send} --proto 1 source/one | {receive} target",
    "protocol 2": "{send} --proto 2 source/one | {receive} target",
    "the newest protocol": "{send} --proto 0 source/one | {receive} target",
    "compressed data": "{send} --proto 2 --compressed-data source/one | {receive} target",
    "compressed data, decompressed": "{send} --proto 2 --compressed-data source/one"
                                     " | {receive} --force-decompress target",
    "no data": "{send} --no-data -q -f out source/one && test $(wc -c <out) -lt 20000",
    "verbose": "{send} -v source/one 2>/dev/null | {receive} -v target 2>/dev/null",
    "stop at the end": "cat one other >out && {receive} -e -f out target && test ! -e target/other",
    "two streams in a row": "cat one other | {receive} target",
    "the root of the mount": "{receive} -m $(realpath target) -f one $(realpath target)",
    "confined": "{receive} -C -f one target",
    "a number of errors": "{receive} -E 3 -f one target",
    "any number of errors": "{receive} -E 0 -f one target",
    "dump without a target": "{receive} --dump -f one >dump && grep -q '^subvol ' dump && grep -q '^mkfile ' dump",
    "dump from a pipe": "{receive} --dump <one >dump && grep -q '^write ' dump",
}
# With clone sources alone, ours begins with nothing; of several snapshots, ours sends each from the one before. What is
# said of full and incremental ones is then not the same.
UNLIKE = {"send with a clone source alone", "send several", "send several with one end"}
FAILS = {
    "a subvolume that can be written": "{send} -f out source/tree",
    "nothing there": "{send} -f out source/none",
    "no subvolume at all": "{send} -f out",
    "a parent that can be written": "{send} -f out -p source/tree source/two",
    "a clone source that can be written": "{send} -f out -p source/one -c source/tree source/two",
    "a parent that is not there": "{send} -f out -p source/none source/two",
    "a parent of another file system": "{receive} -q -f one target && {send} -f out -p target/one source/two",
    "a protocol that nobody knows": "{send} --proto 9 -f out source/one",
    "an unknown option": "{send} --nonsense source/one",
    "it exists already": "{receive} -q -f one target && {receive} -q -f one target",
    "the parent is missing": "{receive} -f two target",
    "no target": "{receive} -f one",
    "a target that is not there": "{receive} -f one target/none",
    "a target that is a file": "touch target/file && {receive} -f one target/file",
    "no stream there": "{receive} -f none target",
    "an empty stream": "{receive} -f /dev/null target",
    "a stream that is cut": "head -c 3000 one | {receive} target",
    "a damaged stream": "head -c 2000 one >out && printf x >>out && tail -c +2002 one >>out && {receive} -f out target",
    "no stream at all": "{receive} -f source/tree/dir/file target",
}


def tasks(_):
    return [perform]


def prepare(worker):
    worker.make(["-O", "no-holes"])
    source = worker.source.root
    root = os.path.join(source, b"tree")
    btrfs("subvolume", "create", root)
    os.makedirs(os.path.join(root, b"dir"))
    for name, content in ((b"dir/file", b"content\n" * 700), (b"text", b"text that compresses\n" * 9000)):
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)
    snapshots = [os.path.join(source, name) for name in (b"one", b"two", b"other")]
    for snapshot in snapshots:
        btrfs("subvolume", "snapshot", "-r", root, snapshot)
        os.rename(os.path.join(root, b"text"), os.path.join(root, b"text-" + os.path.basename(snapshot)))
        os.rename(os.path.join(root, b"text-" + os.path.basename(snapshot)), os.path.join(root, b"text"))
        with open(os.path.join(root, os.path.basename(snapshot)), "wb") as file:
            file.write(b"new\n" * 100)
    btrfs("send", "-q", "-f", os.path.join(worker.work, "one"), snapshots[0])
    btrfs("send", "-q", "-f", os.path.join(worker.work, "other"), snapshots[2])
    btrfs("send", "-q", "-f", os.path.join(worker.work, "two"), "-p", snapshots[0], snapshots[1])


def perform(worker, result):
    prepare(worker)
    ours = shlex.quote(worker.options.cowpath)
    programs = {
        "stock": {"send": "btrfs send", "receive": "btrfs receive"},
        "ours": {"send": f"{ours} send --format btrfs", "receive": f"{ours} receive"},
    }
    for what, script in [*WORKS.items(), *FAILS.items()]:
        done = {who: attempt(worker, script.format(**programs[who])) for who in programs}
        result.compared += 1
        lines = disagreement(what, *done.values())
        if lines:
            result.failed += 1
            result.lines += [f"{what}: {script}", *("    " + line for line in lines)]


def attempt(worker, script):
    """Runs one row with an empty target: its exit status, what it said on both outputs, what it made, and what is wrong
    with that."""
    target = list(worker.targets.values())[0]
    target.make(["-O", "no-holes"])
    link = os.path.join(worker.work, "target")
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink(target.root, link)
    done = run("bash", "-o", "pipefail", "-c", script, allowed=(), cwd=worker.work)
    received = {name for name in os.listdir(target.root) if name != b"file"}
    wrong = []
    for name in sorted(received):
        original, copy = (os.path.join(side.root, name) for side in (worker.source, target))
        wrong += [f"target/{os.fsdecode(name)}: {line}" for line in tree_differences(original, copy, flags=False)]
    return done.returncode, done.stderr.decode(errors="replace"), done.stdout.decode(errors="replace"), received, wrong


def disagreement(what, stock, ours):
    lines = []
    if stock[0] != 0 and what in WORKS:
        lines.append(f"btrfs itself: exit status {stock[0]}: {stock[1].strip()}")
    if (ours[0] == 0) != (what in WORKS):
        lines.append(f"exit status {ours[0]}: {ours[1].strip()}")
    if what in WORKS and ours[0] == 0:
        lines += [f"says {mine} on {where}, not {theirs}" for where, theirs, mine in zip(
            ("standard error", "standard output"), map(said, stock[1:3]), map(said, ours[1:3]))
            if mine != theirs and what not in UNLIKE]
        lines += ours[4]
        if stock[3] != ours[3]:
            lines.append(f"makes {sorted(ours[3])}, not {sorted(stock[3])}")
    if what in FAILS and "cowpath: " not in ours[1]:
        lines.append(f"does not say what is wrong: {ours[1].strip()!r}")
    return lines


def said(text):
    """What scripts compare: the lines that name what is sent and received, wherever it lies."""
    return sorted(re.findall(r"^At (?:subvol|snapshot) .*$", text, re.MULTILINE))

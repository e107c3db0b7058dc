"""What the table says: which measurement is held against which, and what it must reach."""

from dataclasses import dataclass

from btrfs_jobs import STOCK
from job import OURS
from jobs import file_counts

MIB = 1 << 20


@dataclass
class Row:
    what: str
    # seconds, bytes stored, such bytes per inode, or peak (of memory, in bytes).
    measure: str
    # Step and label; of a peak, the verb, and the step if not all of them count.
    ours: tuple
    # Step and label, or None.
    peer: tuple = None
    # At most this many times the peer's, or at most so much.
    at_most: float = None


def imports(what, step, of_restic=None, of_borg=None):
    return [Row(what, "seconds", (step, OURS), (step, "restic"), of_restic),
            Row(what, "seconds", (step, OURS), (step, "borg"), of_borg)]


def memory():
    return [Row("peak memory of send", "peak", ("send",), at_most=100 * MIB),
            Row("peak memory of receive", "peak", ("receive",), at_most=100 * MIB)]


TREE = [
    *imports("first import", "first import", 1 / 4, 1 / 3),
    Row("size of the volume after it", "stored", ("first import", OURS), ("first import", "restic"), 1.1),
    Row("size of the volume after it", "stored", ("first import", OURS), ("first import", "borg")),
    *imports("import again, nothing changed", "import again", 1 / 5),
    *imports("import of the next version", "next version", 1 / 4),
    *imports("import with all times new, contents as before", "all times changed"),
    Row("full send to /dev/null", "seconds", ("send", OURS), ("send", "tar and zstd"), 1.0),
    Row("the same with --compressed-data", "seconds", ("send", "compressed data"), ("send", "tar and zstd"), 0.3),
    Row("stream size, full", "stored", ("store a stream", OURS), ("store a stream", "tar and zstd"), 1.0),
    Row("stream size, --compressed-data", "stored", ("store a stream", "compressed data"),
        ("store a stream", "tar and zstd")),
    Row("receive of the --compressed-data stream into a volume", "seconds", ("receive", "compressed data"),
        ("receive", "rsync"), 0.5),
    Row("receive of the full stream into a volume", "seconds", ("receive", "into a volume"), ("receive", "rsync"), 1.0),
    Row("receive of the full stream into a directory", "seconds", ("receive", "into a directory"),
        ("receive", "rsync"), 1.0),
    Row("next version, sent and received in a pipe", "seconds", ("update", OURS), ("update", "rsync")),
    Row("restore", "seconds", ("restore", OURS), ("restore", "restic")),
    Row("incremental send, 10 files changed", "seconds", ("ten files", OURS), at_most=0.050),
    *memory(),
    Row("peak memory of import", "peak", ("import",)),
]


def growing(many, few):
    """The incremental send of many files is held against that of few of the same kind, taken in turns."""
    return [
        Row("first import", "seconds", ("first import", OURS)),
        Row("peak memory of the first import", "peak", ("import", "first import"), at_most=200 * MIB),
        Row("import again, nothing changed", "seconds", ("import again", OURS)),
        Row("import with 10 files changed", "seconds", ("import ten", OURS)),
        Row("peak memory of these two", "peak", ("import", "import again", "import ten"), at_most=200 * MIB),
        Row("full send to /dev/null", "seconds", ("send", OURS)),
        Row("receive of the full stream into a volume", "seconds", ("receive", "into a volume")),
        Row("receive of the full stream into a directory", "seconds", ("receive", "into a directory")),
        Row("incremental send, 10 files changed", "seconds", ("ten files", many), ("ten files", few), 1.5),
        Row("snapshot", "seconds", ("snapshot", OURS), at_most=0.020),
        Row("clone", "seconds", ("clone", OURS), at_most=0.020),
        Row("bookmark", "seconds", ("bookmark", OURS), at_most=0.020),
        *memory(),
    ]


def beside_btrfs(what, step, at_most=None):
    """What both send or receive, as it is and through a pipe."""
    rows = [Row(what, "seconds", (step, OURS), (step, STOCK), at_most)]
    return [*rows, Row(f"{what}, through a pipe", "seconds", (step, "piped"), (step, "btrfs, piped"), at_most)]


def stream_sizes(what, step):
    """Before any compression, and in the same protocol."""
    return [Row(f"stream size, {what}", "stored", (step, OURS), (step, STOCK), 1.0),
            Row(f"stream size, {what}, protocol 2", "stored", (step, f"{OURS}, protocol 2"),
                (step, f"{STOCK}, protocol 2"), 1.0)]


BTRFS = [
    *beside_btrfs("full send", "send", 1 / 3),
    Row("full send in cowpath's own encoding, compressed", "seconds", ("send", "own encoding"), ("send", STOCK)),
    *beside_btrfs("incremental send, next version", "next", 1 / 8),
    *beside_btrfs("incremental send, 10 files changed", "ten", 1 / 3),
    Row("incremental send, 10 files changed, alone", "seconds", ("ten", OURS), at_most=0.050),
    Row("next version, from a bookmark", "seconds", ("next from a bookmark", "bookmark"),
        ("next from a bookmark", "parent"), 1.5),
    Row("10 files changed, from a bookmark", "seconds", ("ten from a bookmark", "bookmark"),
        ("ten from a bookmark", "parent"), 1.5),
    *beside_btrfs("a file with many references to one extent", "references", 1 / 3),
    *beside_btrfs("many files that share extents", "sharing", 1 / 3),
    *beside_btrfs("one large file", "large", 0.8),
    Row("receive, full", "seconds", ("receive", OURS), ("receive", STOCK), 0.6),
    Row("receive, full, and sync", "seconds", ("receive", "durable"), ("receive", "btrfs, durable"), 0.6),
    Row("receive, next version", "seconds", ("receive next", OURS), ("receive next", STOCK), 0.6),
    *stream_sizes("full", "store"),
    *stream_sizes("next version", "store next"),
    *stream_sizes("10 files changed", "store ten"),
    *stream_sizes("many references", "store references"),
    *stream_sizes("files that share", "store sharing"),
    *memory(),
    Row("bookmark", "seconds", ("bookmark", OURS)),
    Row("size of the bookmark, per inode", "per inode", ("bookmark", OURS), at_most=64),
]


class Results:
    """The measurements of one workload, by step and label."""

    def __init__(self):
        # To (command, list of costs).
        self.costs = {}
        # To bytes.
        self.stored = {}

    def rows(self, workload, median):
        table = BTRFS if workload.on_btrfs else growing(*file_counts(workload)) if workload.fewer else TREE
        found = [self.row(row, workload, median) for row in table
                 if row.measure == "peak" or row.ours in self.costs]
        # Where a peer is missing, ours stands alone, once.
        seen, kept = set(), []
        for row in found:
            key = (row["what"], row.get("peer", {}).get("tool"))
            if key not in seen and not (key[1] is None and any(row["what"] == other for other, _ in seen)):
                seen.add(key)
                kept.append(row)
        return kept

    def row(self, row, workload, median):
        found = {"what": row.what, "measure": row.measure}
        if row.measure == "peak":
            found["ours"] = {"value": self.peak(*row.ours)}
        else:
            found["ours"] = self.side(row.ours, row.measure, median)
        if row.measure == "per inode":
            found["ours"]["value"] /= workload.inodes
        if row.peer in self.costs:
            found["peer"] = self.side(row.peer, row.measure, median)
            found["ratio"] = found["ours"]["value"] / found["peer"]["value"]
        # The times and sizes of other trees are shown without targets: there are none for them.
        judged = workload.judged or row.measure == "peak"
        if judged and row.at_most is not None and (row.peer is None or "peer" in found):
            found["at_most"] = row.at_most
            found["met"] = found.get("ratio", found["ours"]["value"]) <= row.at_most
        return found

    def side(self, key, measure, median):
        command, costs = self.costs[key]
        middle = median(costs)
        return {
            "tool": command.tool, "label": key[1], "command": " | ".join(command.stages),
            "value": self.stored[key] if measure != "seconds" else middle.seconds,
            "processor_seconds": middle.processor, "peaks": middle.peaks,
            "all_seconds": [cost.seconds for cost in costs],
        }

    def peak(self, verb, *steps):
        """The most that any process of this verb of ours held in any run."""
        return max(peak for (step, _), (command, costs) in self.costs.items() if not steps or step in steps
                   for cost in costs for stage, peak in zip(command.stages, cost.peaks)
                   if stage.startswith(f"cowpath {verb} "))

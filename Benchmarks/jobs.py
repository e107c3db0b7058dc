"""What is measured: for every job our command and those of the peers, run in the folder of one measurement.

In it lie `tree`, the source, and whatever the jobs before have made.
"""

from dataclasses import dataclass, field

OURS = "cowpath"


@dataclass
class Job:
    name: str
    # Tool to command; every peer is held against ours.
    commands: dict
    # Tool to what it stores, measured after the job.
    stores: dict = field(default_factory=dict)
    # What ours over theirs may be at most, in time.
    target: float = 1.0
    # The tree is brought up to date before this job.
    changes_first: bool = False


# Untimed: what each tool needs before its first job.
PREPARATION = {
    "cowpath": "cowpath create volume && cowpath create second",
    "restic": "restic init -q --repo restic",
    "borg": "borg init -e none borg",
    "rsync": "mkdir copy",
    "tar | zstd": "mkdir unpacked",
}

STORES = {"cowpath": "volume", "restic": "restic", "borg": "borg", "rsync": "copy"}

RESTIC = "restic backup -q --repo restic tree"
BORG = "borg create --compression zstd,3 borg::{name} tree"
RSYNC = "rsync -aHAX --delete tree/ copy/"

JOBS = [
    Job("first backup", {
        OURS: "cowpath import -q tree volume/tree@one",
        "restic": RESTIC,
        "borg": BORG.format(name="one"),
        "rsync": RSYNC,
        "tar | zstd": "tar -C tree -cf - . | zstd -q -3 -T0 -f -o tree.tar.zst",
    }, stores=STORES | {"tar | zstd": "tree.tar.zst"}),
    Job("backup with nothing changed", {
        OURS: "cowpath import -q tree volume/tree@same",
        "restic": RESTIC,
        "borg": BORG.format(name="same"),
        "rsync": RSYNC,
    }),
    Job("full send and receive", {
        OURS: "cowpath send -q volume/tree@one | cowpath receive -q second/tree",
        "tar | zstd": "tar -C tree -cf - . | zstd -q -3 -T0 | zstd -q -d | tar -C unpacked -xf -",
    }, stores={OURS: "second"}),
    Job("full send to nowhere", {
        OURS: "cowpath send -q volume/tree@one >/dev/null",
        "tar | zstd": "tar -C tree -cf - . | zstd -q -3 -T0 >/dev/null",
    }),
    Job("backup of the changes", {
        OURS: "cowpath import -q tree volume/tree@two",
        "restic": RESTIC,
        "borg": BORG.format(name="two"),
        "rsync": RSYNC,
    }, stores=STORES, changes_first=True),
    Job("incremental send and receive", {
        OURS: "cowpath send -q -p volume/tree@one volume/tree@two | cowpath receive -q second/tree",
        # To a copy of the older state, which is set back before the job.
        "rsync": "rsync -aHAX --delete tree/ old-copy/",
    }),
    Job("incremental send to a file", {
        OURS: "cowpath send -q -p volume/tree@one -f incremental.stream volume/tree@two",
    }, stores={OURS: "incremental.stream"}),
    Job("restore", {
        OURS: "cowpath restore -q second/tree@two restored",
        "restic": "restic restore -q --repo restic latest --target restic-restored",
        "borg": "mkdir borg-restored && cd borg-restored && borg extract ../borg::two",
        "rsync": "rsync -aHAX copy/ rsync-restored/",
        "tar | zstd": "mkdir tar-restored && zstd -q -dc tree.tar.zst | tar -C tar-restored -xf -",
    }),
]

PACKAGES = {"restic": "restic", "borg": "borgbackup", "rsync": "rsync", "tar | zstd": "zstd"}

VERSIONS = {
    "cowpath": "cowpath --version",
    "restic": "restic version | cut -d' ' -f2",
    "borg": "borg --version | cut -d' ' -f2",
    "rsync": "rsync --version | head -n 1 | awk '{print $3}'",
    "tar | zstd": "echo $(tar --version | head -n 1 | awk '{print $4}') $(zstd --version | grep -o 'v[0-9.]*')",
}

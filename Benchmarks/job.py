"""What a step of a benchmark is, and which programs take it."""

from dataclasses import dataclass, field

OURS = "cowpath"
PACKAGES = {"restic": ["restic"], "borg": ["borgbackup"], "rsync": ["rsync"], "tar and zstd": ["tar", "zstd"],
            "btrfs": ["btrfs-progs"]}
VERSIONS = {
    "cowpath": "cowpath --version",
    "restic": "restic version | cut -d' ' -f2",
    "borg": "borg --version | cut -d' ' -f2",
    "rsync": "rsync --version | head -n 1 | awk '{print $3}'",
    "tar": "tar --version | head -n 1 | awk '{print $4}'",
    "zstd": "zstd --version | grep -o 'v[0-9.]*' | tr -d v",
    "btrfs": "btrfs --version | grep -o '[0-9].*'",
}


@dataclass
class Command:
    # A peer, or OURS.
    tool: str
    # The processes of a pipe. `{n}` becomes another number in each repetition.
    stages: list
    # Untimed: what must be there before, and what has been made and nobody needs any longer.
    before: str = ""
    after: str = ""
    # What is measured for size once the command is done.
    stores: str = None


@dataclass
class Step:
    name: str
    # Label to command. Their order changes from run to run, and none depends on another's result.
    commands: dict
    # First of all: a method of the workload, and the tree it is given.
    change: tuple = None
    # Then untimed commands.
    before: str = ""
    # What is read before every command, so that each finds it in memory.
    reads: list = field(default_factory=list)
    repetitions: int = 1
    # In the last run: scripts that fail if a result is wrong. `same A B` compares two trees, `discard PATH...` takes
    # what nobody needs any longer out of the way.
    checks: list = field(default_factory=list)
    # Untimed, last of all.
    after: str = ""

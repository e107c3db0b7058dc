"""Named scenarios: each a short history, by all routes. README.md beside the program says which class has which."""

import os
from contextlib import nullcontext
from functools import partial

from routes import Case, Mode
from scenarios import attributes, clones, contents, hops, inodes, names  # noqa: F401
from scenarios.scenario import ALL, history

# Every scenario in each of these.
MODES = [Mode(1), Mode(2, own_encoding=True), Mode(2, compressed=True, bookmarks=True)]
# So many in a row share their file systems.
GROUP = 6
README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "README.md")
FEATURES = [["-O", "no-holes"], ["-O", "^no-holes"], ["-O", "no-holes"]]


def tasks(options):
    wanted = options.scenario or list(ALL)
    if unknown := set(wanted) - set(ALL):
        raise SystemExit(f"btrfs_routes: no such scenario: {', '.join(sorted(unknown))}")
    groups = [wanted[start:start + GROUP] for start in range(0, len(wanted), GROUP)]
    found = [partial(perform, group, number) for number in range(len(MODES)) for group in groups]
    return found if options.scenario else [listed, *found, *hops.tasks()]


def perform(group, number, worker, result):
    worker.make(FEATURES[number])
    for name in group:
        transfers = history(name, worker.source)
        meanwhile = ALL[name].meanwhile
        case = Case(name, worker.programs, worker.targets, worker.work, MODES[number],
                    keep=worker.options.keep, asks_rsync=True, shares=not meanwhile)
        with meanwhile(worker.source) if meanwhile else nullcontext():
            case.carry(transfers)
        case.done()
        result.count(case)


def listed(_, result):
    """The table in the README names every scenario with its class."""
    with open(README) as file:
        rows = {tuple(cell.strip().strip("`") for cell in line.strip("|\n").split("|"))
                for line in file if line.startswith("|")}
    for found in ALL.values():
        result.compared += 1
        if (found.kind, found.name, found.loss) not in rows:
            result.failed += 1
            result.lines.append(f"README.md lacks: | {found.kind} | `{found.name}` | {found.loss} |")

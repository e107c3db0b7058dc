"""Proves the live btrfs path over the command line: see README.md beside this file.

    python3 Tests/btrfs_routes [--seeds N] [--first N] [--only PART] [--keep DIRECTORY] [COWPATH]

Exit status: 0 all holds, 1 not, 77 skipped for the reason that is printed. A failure names its seed or scenario, which
--seeds 1 --first SEED or --scenario NAME runs again; --keep (or KEEP) keeps its stream.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import apart  # noqa: E402
import canary  # noqa: E402
import scenarios  # noqa: E402
import seeds  # noqa: E402
import surface  # noqa: E402
from pool import Pool, Result  # noqa: E402

PARTS = {"canary": canary, "surface": surface, "scenarios": scenarios, "seeds": seeds}
# Of all comparisons. It has bugs, and a history that meets one goes on with our streams alone.
MOST_STOCK_FAILURES = 0.01
PROGRAMS = ["btrfs", "mkfs.btrfs", "setfattr", "setfacl", "setcap", "chattr", "rsync", "unshare"]


def arguments():
    parser = argparse.ArgumentParser(prog="btrfs_routes")
    parser.add_argument("cowpath", nargs="?", default=f"{HERE}/../../.build/release/cowpath")
    parser.add_argument("--seeds", type=int, default=200, help="histories (default 200)")
    parser.add_argument("--first", type=int, default=1, help="the first of their seeds (default 1)")
    parser.add_argument("--scenario", action="append", help="only this scenario; may be repeated")
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="only this part; may be repeated")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--stand-in", choices=["send", "receive"], action="append", default=[],
                        help="let the stock program stand in for ours on this side, to try the tests themselves")
    parser.add_argument("--verbose", action="store_true", help="say also what btrfs itself did not bring over")
    parser.add_argument("--keep", default=os.environ.get("KEEP"), help="where the streams of failures are kept")
    return parser.parse_args()


def check_machine():
    if os.geteuid() != 0:
        apart.skip("btrfs_routes", "needs root, to mount and to make device nodes")
    for program in PROGRAMS:
        if not shutil.which(program):
            apart.skip("btrfs_routes", f"needs {program}")
    if not os.path.exists("/dev/loop-control"):
        apart.skip("btrfs_routes", "needs loop devices")
    with open("/proc/filesystems") as file:
        if "\tbtrfs\n" not in file.readlines() and subprocess.run(["modprobe", "btrfs"]).returncode != 0:
            apart.skip("btrfs_routes", "the kernel has no btrfs")


def perform(name, pool, options):
    """One part; how many failures it had."""
    start, total = time.monotonic(), Result()
    for result in pool.run(PARTS[name].tasks(options)):
        total.add(result)
        for line in result.lines + result.stock_lines * options.verbose:
            print(line, flush=True)
    stock = f", {total.stock_failed} histories that btrfs itself did not bring over" if total.stock_failed else ""
    if total.stock_failed > MOST_STOCK_FAILURES * (total.compared + 1):
        total.failed += 1
        print(f"{name}: so much does btrfs itself not bring over that the tests prove too little: try --verbose")
    print(f"{name}: {time.monotonic() - start:.0f} s, {total.compared} comparisons, {total.failed} failed{stock}",
          flush=True)
    return total.failed


def main():
    options = arguments()
    if not os.access(options.cowpath, os.X_OK):
        print(f"btrfs_routes: no program at {options.cowpath}: build it first", file=sys.stderr)
        sys.exit(1)
    options.cowpath = os.path.realpath(options.cowpath)
    check_machine()
    apart.in_own_namespace("btrfs_routes")
    parts = options.only or (["scenarios"] if options.scenario else list(PARTS))
    failures = 0
    with apart.Workplace("btrfs_routes") as work, Pool(work, options) as pool:
        for name in parts:
            failures += perform(name, pool, options)
    sys.exit(0 if failures == 0 else 1)


if __name__ == "__main__":
    main()

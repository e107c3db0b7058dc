"""What must survive: kill -9, a full disk, many at once, and what is refused.

    python3 Tests/survival [--thorough] [--only PART] [COWPATH]

Exit status: 0 all holds, 1 not, 77 skipped for the reason that is printed. Errors of the program that come up are
compared with messages.txt, which --messages writes anew, to be read and committed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import apart  # noqa: E402
import common  # noqa: E402
import full_disk  # noqa: E402
import killed  # noqa: E402
import limits  # noqa: E402
import live_btrfs  # noqa: E402
import order  # noqa: E402
import refusals  # noqa: E402
import together  # noqa: E402

PARTS = {
    "order": order, "killed": killed, "btrfs": live_btrfs, "full": full_disk, "together": together,
    "refusals": refusals, "limits": limits}


def arguments():
    parser = argparse.ArgumentParser(prog="survival")
    parser.add_argument("cowpath", nargs="?", default=f"{common.HERE}/../../.build/release/cowpath")
    parser.add_argument("--thorough", action="store_true")
    parser.add_argument("--only", choices=sorted(PARTS))
    parser.add_argument("--messages", action="store_true")
    return parser.parse_args()


def compare(suite, options):
    """Every message that came up must be among those that were read and kept: a change to one is seen."""
    path = f"{common.HERE}/messages.txt"
    if options.messages:
        with open(path, "w") as file:
            file.writelines(f"{message}\n" for message in sorted(suite.messages))
        return
    with open(path) as file:
        known = set(file.read().splitlines())
    for message, names in sorted(suite.messages.items()):
        suite.check(message in known, f"an error that is not in messages.txt: {names[0]}", message)
    print(f"{len(suite.messages)} different errors; {suite.passed} passed, {suite.failed} failed")


def main():
    options = arguments()
    if not os.access(options.cowpath, os.X_OK):
        print(f"survival: no program at {options.cowpath}: build it first", file=sys.stderr)
        sys.exit(1)
    if os.geteuid() != 0:
        apart.skip("survival", "needs root, to mount small file systems")
    for program in ["strace", "diff", "unshare"]:
        if not shutil.which(program):
            apart.skip("survival", f"needs {program}")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        apart.skip("survival", "needs the right to make a mount namespace")
    apart.in_own_namespace("survival")
    suite = common.Suite(os.path.realpath(options.cowpath), options.thorough)
    with apart.Workplace("survival") as work:
        for name, part in PARTS.items():
            if options.only in (None, name):
                start = time.monotonic()
                part.test(suite, f"{work}/{name}")
                print(f"{name}: {time.monotonic() - start:.0f} s, {suite.passed} passed, {suite.failed} failed")
    compare(suite, options)
    sys.exit(0 if suite.failed == 0 else 1)


main()

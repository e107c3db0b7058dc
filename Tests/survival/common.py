"""What the tests of survival share: running the program, a tree to work on, and what must always hold."""

import os
import re
import shutil
import sqlite3
import subprocess
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
# Times out what hangs, far above what anything here takes.
PATIENCE = 300


class Suite:
    """Counts checks and keeps every error message of the program, with its paths taken out."""

    def __init__(self, cowpath, thorough):
        self.cowpath = cowpath
        self.thorough = thorough
        self.passed = 0
        self.failed = 0
        self.messages = {}
        self.lock = threading.Lock()

    def check(self, holds, what, detail=""):
        with self.lock:
            if holds:
                self.passed += 1
            else:
                self.failed += 1
                print(f"FAILED {what}")
                for line in str(detail).splitlines()[:8]:
                    print(f"    {line[:240]}")
        return holds

    def note(self, name, error):
        """Keeps a message under the name of what it is about."""
        with self.lock:
            for line in plain(error).splitlines():
                self.messages.setdefault(line, []).append(name)

    def run(self, *arguments, cwd=None, stdin=None):
        """Runs the program: exit status, output, errors."""
        done = subprocess.run(
            [self.cowpath, *arguments], cwd=cwd, stdin=stdin or subprocess.DEVNULL, capture_output=True,
            timeout=PATIENCE)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def expect(self, what, *arguments, cwd=None):
        """Runs the program, which must succeed; gives its output."""
        status, output, error = self.run(*arguments, cwd=cwd)
        self.check(status == 0, f"{what}: {' '.join(arguments)}", f"exit status {status}\n{output}{error}")
        return output

    def is_sound(self, volume, what, cwd, settled=True):
        """A volume opens, and all counts and data are right; settled: nothing of an unfinished receive is left."""
        status, output, error = self.run("check", "--read-data", volume, cwd=cwd)
        self.check(status == 0 and ": 0 findings" in output, f"{what}: check of {volume}", output + error)
        if settled:
            left = leftovers(os.path.join(cwd, volume))
            self.check(not left, f"{what}: nothing is left in {volume}", left)

    def same(self, what, one, other, cwd):
        """Two directories hold the same."""
        done = subprocess.run(
            ["diff", "-r", "--no-dereference", one, other], cwd=cwd, capture_output=True, timeout=PATIENCE)
        self.check(done.returncode == 0, f"{what}: {one} and {other} are the same",
                   (done.stdout + done.stderr).decode(errors="replace"))

    def restores(self, what, snapshot, original, cwd):
        """A snapshot is whole: what is restored from it is what it was made of."""
        place = os.path.join(cwd, "restored-" + re.sub(r"\W", "-", snapshot))
        shutil.rmtree(place, ignore_errors=True)
        self.expect(what, "restore", snapshot, place, cwd=cwd)
        self.same(what, original, place, cwd)
        shutil.rmtree(place, ignore_errors=True)


def plain(error):
    """A message without what differs from run to run: the place, and the error below."""
    found = re.fullmatch(r"(cowpath: .+?), .+?: (.+?)( \([^()]*: .*\))?", error.strip())
    return f"{found[1]}, PLACE: {found[2]}" if found else error.strip()


def leftovers(volume):
    """What a finished volume must not hold: rows and files of receives that are over, and files of no segment."""
    left = [f"writers/{name}" for name in os.listdir(f"{volume}/writers")]
    database = sqlite3.connect(f"{volume}/volume.db", timeout=60)
    try:
        left += [f"unfinished receive {row}" for row in database.execute("SELECT name FROM roots WHERE kind = 4")]
        left += [f"drop {row}" for row in database.execute("SELECT * FROM drops")]
        left += [f"segment with a writer {row}" for row in database.execute(
            "SELECT id FROM segments WHERE writer IS NOT NULL")]
        left += [f"unused extent {row}" for row in database.execute("SELECT id FROM extents WHERE refs = 0")]
        sizes = dict(database.execute("SELECT id, size FROM segments"))
    finally:
        database.close()
    for name in os.listdir(f"{volume}/segments"):
        if int(name) not in sizes:
            left.append(f"segments/{name}")
        elif os.path.getsize(f"{volume}/segments/{name}") > sizes[int(name)]:
            left.append(f"bytes at the end of segments/{name}")
    return left


def make_tree(place, seed=1, files=24):
    """A small tree with all that matters: several directories, files below and above one extent, links."""
    for number in range(files):
        folder = f"{place}/d{number % 4}/e{number % 3}"
        os.makedirs(folder, exist_ok=True)
        length = (number * 7919 + seed) % 9000 if number % 8 else 300_000 + number
        with open(f"{folder}/f{number}", "wb") as file:
            file.write(noise(seed * 1000 + number, length))
    os.link(f"{place}/d1/e1/f1", f"{place}/d0/again")
    os.symlink("../d1", f"{place}/d2/link")
    os.chmod(f"{place}/d3", 0o750)


def change_tree(place, seed=2):
    """The next version: something new, something gone, something moved, something longer."""
    os.remove(f"{place}/d0/e0/f0")
    os.rename(f"{place}/d3", f"{place}/moved")
    with open(f"{place}/d1/e1/f1", "ab") as file:
        file.write(noise(seed, 50_000))
    os.mkdir(f"{place}/new")
    for number in range(6):
        with open(f"{place}/new/n{number}", "wb") as file:
            file.write(noise(seed * 2000 + number, 40_000 * number))


def noise(seed, length):
    """Bytes that do not compress, the same for the same seed."""
    import random
    return random.Random(seed).randbytes(length)


def visible(place):
    """What a user sees in a directory."""
    return {name for name in os.listdir(place) if not name.startswith(".")} if os.path.isdir(place) else None

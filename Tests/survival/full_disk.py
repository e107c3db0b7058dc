"""Every command on file systems that are too small for it, each in another place.

It must say so in one line, leave what was there whole and readable, and succeed when there is room.
"""

import os
import shutil
import subprocess

from common import change_tree, make_tree, noise, visible

# The first sizes are too small even to open the volume for writing; with the last everything fits.
STEPS = 8
MESSAGE = r"^cowpath: [^\n]+, [^\n]+: [^\n]+\n$"


class SmallDisk:
    """A tmpfs of some KiB, mounted at a place."""

    def __init__(self, place, kilobytes):
        self.place = place
        os.makedirs(place, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", place], check=True)

    def resize(self, kilobytes):
        subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", "tmpfs", self.place], check=True)

    def fill(self):
        """Takes all that is left, to the last page."""
        with open(f"{self.place}/filler", "wb", buffering=0) as filler:
            for size in [65536, 4096, 1]:
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.place], check=True)


# What is done: (name, arguments in the disk, what is then there and what it was made of).
COMMANDS = [
    ("import", "import ../new vol/d@two", "vol/d@two", "../new"),
    ("receive into a volume", "receive -f ../whole.stream vol/r", "vol/r@two", "../new"),
    ("receive of a difference into a volume", "receive -f ../difference.stream vol/d", "vol/d@two", "../new"),
    ("receive into a directory", "receive -f ../full.stream .", "one", "../old"),
    ("receive into a mirror", "receive --mirror -f ../full.stream mirror", "mirror", "../old"),
    ("restore", "restore ../source/d@two back", "back", "../new"),
    ("send to a file", "send -f sent ../source/d@two", None, None),
    ("create", "create made", None, None),
]


def prepare(suite, work):
    os.makedirs(work)
    make_tree(f"{work}/old")
    shutil.copytree(f"{work}/old", f"{work}/new", symlinks=True)
    change_tree(f"{work}/new")
    for number in range(12):
        with open(f"{work}/new/new/large{number}", "wb") as file:
            file.write(noise(900 + number, 150_000))
    for arguments in [
        "create source", "import old source/d@one", "import new source/d@two", "send -f full.stream source/d@one",
        "send -f whole.stream source/d@two", "send -p source/d@one -f difference.stream source/d@two", "create base", "receive -f full.stream base/d",
    ]:
        suite.expect("full", *arguments.split(), cwd=work)


def used(place):
    status = os.statvfs(place)
    return (status.f_blocks - status.f_bfree) * status.f_frsize // 1024


def still_whole(suite, what, disk, before):
    """The volume opens, checks clean and gives back what it held."""
    listed = suite.expect(what, "list", "vol", cwd=disk)
    suite.check(listed == before, f"{what}: list says what it said", f"{before}{listed}")
    suite.is_sound("vol", what, disk, settled=False)
    place = f"{os.path.dirname(disk)}/back"
    suite.expect(what, "restore", "vol/d@one", place, cwd=disk)
    suite.same(what, "../old", place, disk)
    shutil.rmtree(place, ignore_errors=True)


def try_size(suite, work, command, kilobytes, step):
    """One command on one size; whether it fitted."""
    name, arguments, made, original = command
    what = f"{name} on a disk with {kilobytes} KiB of room"
    disk = f"{work}/disk"
    with SmallDisk(disk, 64 << 10) as mounted:
        shutil.copytree(f"{work}/base", f"{disk}/vol")
        before = suite.expect(what, "list", "vol", cwd=disk)
        mounted.resize(used(disk) + kilobytes)
        status, output, error = suite.run(*arguments.split(), cwd=disk)
        if status == 0:
            return True
        suite.check(status == 1 and matches_form(error) and "make room" in error, f"{what}: the error", error)
        suite.note(f"{name} on a full disk", error)
        still_whole(suite, what, disk, before)
        suite.check(visible(disk) <= {"vol", "mirror", "made"}, f"{what}: nothing half-made is seen", visible(disk))
        mounted.resize(64 << 10)
        suite.expect(f"{what}, with room", *arguments.split(), cwd=disk)
        if made and "@" in made:
            suite.is_sound("vol", f"{what}, with room", disk)
            suite.restores(f"{what}, with room", made, original, disk)
        elif made:
            suite.same(f"{what}, with room", original, made, disk)
        left = [entry for entry in os.listdir(disk) if entry.startswith(".") and entry != ".cowpath"]
        suite.check(not left, f"{what}, with room: nothing hidden is left", left)
    return False


def matches_form(error):
    import re
    return re.match(MESSAGE, error) is not None


def read_when_full(suite, work):
    """Whatever reads needs no room at all, and destroying makes some."""
    disk = f"{work}/disk"
    what = "to the last page full"
    with SmallDisk(disk, 64 << 10) as mounted:
        shutil.copytree(f"{work}/source", f"{disk}/vol")
        before = suite.expect(what, "list", "vol", cwd=disk)
        mounted.resize(used(disk) + 64)
        mounted.fill()
        still_whole(suite, what, disk, before)
        for arguments in [
            "send -f ../sent vol/d@two", "diff vol/d@one vol/d@two", "ls -R vol/d@one",
            "cat vol/d@one/d1/e1/f1", "send -n vol/d@two", "bookmark vol/d@one ../mark",
        ]:
            suite.expect(what, *arguments.split(), cwd=disk)
        for arguments in ["snapshot vol/d@three", "bookmark vol/d@one #mark", "clone vol/d@one vol/c"]:
            status, _, error = suite.run(*arguments.split(), cwd=disk)
            if status != 0:
                suite.check(matches_form(error) and "make room" in error, f"{what}: {arguments}", error)
                suite.note(f"{arguments.split()[0]} on a full disk", error)
        suite.expect(f"{what}, to make room", "destroy", "vol/d@two", cwd=disk)
        suite.is_sound("vol", f"{what}, then destroyed", disk, settled=False)
        mounted.resize(64 << 10)
        suite.expect("room again", "import", "../new", "vol/d@again", cwd=disk)
        suite.is_sound("vol", "room again", disk)
        suite.restores("room again", "vol/d@again", "../new", disk)


def test(suite, work):
    prepare(suite, work)
    steps = STEPS * 5 if suite.thorough else STEPS
    for command in COMMANDS:
        fitted = []
        for step in range(steps):
            # Denser where little is left, since that is where most files are made.
            kilobytes = 4 + round(5000 * (step / (steps - 1)) ** 2)
            fitted.append(try_size(suite, work, command, kilobytes, step))
        suite.check(not fitted[0] and fitted[-1], f"{command[0]}: the sizes begin too small and end large enough", fitted)
    read_when_full(suite, work)

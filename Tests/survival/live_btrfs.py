"""Receiving onto a mounted btrfs: `kill -9` before every call that changes it, and file systems that are too small.

Nothing half-made may be seen, what was there stays as it was, and the same command again clears away and succeeds.
"""

import os
import shutil
import subprocess

from common import change_tree, make_tree, noise

# Before each of these the command is killed, every time that it makes one.
DURABLE = ["ioctl", "syncfs", "fsync", "renameat2", "flock"]
# Before these only so many times, spread over the command.
OTHERS = ["pwrite64", "openat", "mkdirat", "linkat", "symlinkat", "unlinkat", "utimensat", "fchmod"]
SAMPLES = 4
# The sizes of file systems that are tried, in MiB: from one in which little fits to one with room for all.
SIZES = [114, 118, 122, 130, 400]


class LoopDisk:
    """A btrfs in a file, mounted at a place."""

    def __init__(self, image, place, megabytes):
        self.place = place
        os.makedirs(place, exist_ok=True)
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.btrfs", "-q", "-m", "single", image], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", image, place], check=True, capture_output=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.place], check=True)


def why_not():
    """The reason for which nothing here can be tried; nothing where it can."""
    for program in ["mkfs.btrfs", "btrfs", "strace"]:
        if not shutil.which(program):
            return f"needs {program}"
    if not os.path.exists("/dev/loop-control"):
        return "needs loop devices"
    with open("/proc/filesystems") as systems:
        if "btrfs" not in systems.read() and subprocess.run(["modprobe", "btrfs"], capture_output=True).returncode:
            return "the kernel has no btrfs"
    return None


def prepare(suite, work):
    """Two versions of a tree, and the streams that make them."""
    os.makedirs(work)
    make_tree(f"{work}/old")
    shutil.copytree(f"{work}/old", f"{work}/new", symlinks=True)
    change_tree(f"{work}/new")
    for arguments in [
        "create vol", "import old vol/d@one", "import new vol/d@two", "send -f full.stream vol/d@one",
        "send -p vol/d@one -f difference.stream vol/d@two",
    ]:
        suite.expect("before anything", *arguments.split(), cwd=work)


def state(place):
    """All subvolumes and names, hidden ones too."""
    listed = subprocess.run(["btrfs", "subvolume", "list", "-o", place], capture_output=True, check=True)
    return sorted(os.listdir(place)) + [line.split()[-1].decode() for line in listed.stdout.splitlines()]


def is_whole(suite, what, work, disk, name, original):
    """A received subvolume holds what it should, is read-only and knows what it was sent as."""
    suite.same(what, original, f"{disk}/{name}", work)
    shown = subprocess.run(["btrfs", "subvolume", "show", f"{disk}/{name}"], capture_output=True).stdout.decode()
    fields = dict(line.strip().split(":", 1) for line in shown.splitlines() if ":" in line)
    suite.check("readonly" in fields.get("Flags", ""), f"{what}: {name} is read-only", shown)
    suite.check(len(fields.get("Received UUID", "").strip()) == 36, f"{what}: {name} has its received UUID", shown)


def remove(disk, name):
    subprocess.run(["btrfs", "subvolume", "delete", f"{disk}/{name}"], capture_output=True, check=True)


def count_calls(suite, command, work):
    """How often one thread of a command makes each call."""
    trace = f"{work}/calls"
    subprocess.run(
        ["strace", "-f", "-qq", "-o", trace, "-e", "trace=" + ",".join(DURABLE + OTHERS), suite.cowpath, *command],
        cwd=work, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    counts = {}
    with open(trace) as lines:
        for line in lines:
            thread, call = line.split("(")[0].split()[:2]
            counts[thread, call] = counts.get((thread, call), 0) + 1
    most = {}
    for (_, call), count in counts.items():
        most[call] = max(most.get(call, 0), count)
    return most


def points(suite, command, work):
    for call, count in sorted(count_calls(suite, command, work).items()):
        numbers = range(1, count + 1)
        if call not in DURABLE and not suite.thorough and count > SAMPLES:
            numbers = sorted({1 + round(step * (count - 1) / (SAMPLES - 1)) for step in range(SAMPLES)})
        for number in numbers:
            yield call, number


def killed(suite, work, disk, stream, name, original):
    """A receive that is killed before a call, and once more."""
    command = ["receive", "-q", "-f", stream, disk]
    chosen = list(points(suite, command, work))
    remove(disk, name)
    before = state(disk)
    for call, number in chosen:
        what = f"receive of {name} killed before {call} {number}"
        done = subprocess.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
             f"inject={call}:signal=KILL:when={number}", suite.cowpath, *command],
            cwd=work, stdin=subprocess.DEVNULL, capture_output=True)
        seen = {entry for entry in os.listdir(disk) if not entry.startswith(".")}
        if name in seen:
            is_whole(suite, f"{what}, before it is done again", work, disk, name, original)
        suite.check(seen - {name} == {entry for entry in before if not entry.startswith(".")},
                    f"{what}: only what is whole is seen", seen)
        if name not in seen:
            suite.expect(f"{what}: the same again", *command, cwd=work)
            is_whole(suite, what, work, disk, name, original)
            remove(disk, name)
        else:
            suite.check(done.returncode != 0 or call, what)
            remove(disk, name)
        suite.check(state(disk) == before, f"{what}: nothing is left", f"{before} became {state(disk)}")


def full(suite, work, image):
    """A receive into a file system that is nearly full, and again when there is room."""
    fitted = 0
    for size in SIZES:
        disk = f"{work}/small-{size}"
        with LoopDisk(image, disk, size):
            with open(f"{disk}/filler", "wb") as filler:
                try:
                    while os.statvfs(disk).f_bavail * 4096 > (size - 113 << 20) and size != SIZES[-1]:
                        filler.write(noise(size, 1 << 20))
                        filler.flush()
                        os.fsync(filler.fileno())
                except OSError:
                    pass
            before = state(disk)
            status, output, error = suite.run("receive", "-q", "-f", "large.stream", disk, cwd=work)
            what = f"receive into {size} MiB"
            if status == 0:
                fitted += 1
                is_whole(suite, what, work, disk, "large", "large")
                continue
            suite.check(error.count("\n") == 1 and "make room" in error, f"{what}: one line says so", error)
            suite.note(f"receive onto a btrfs of {size} MiB", error)
            suite.check(state(disk) == before, f"{what}: nothing is left", f"{before} became {state(disk)}")
            os.remove(f"{disk}/filler")
            subprocess.run(["sync", "-f", disk], check=True)
            if suite.run("receive", "-q", "-f", "full.stream", disk, cwd=work)[0] == 0:
                is_whole(suite, f"{what}, with room", work, disk, "one", "old")
    suite.check(0 < fitted < len(SIZES), "some sizes are too small and some are not", fitted)


def test(suite, work):
    reason = why_not()
    if reason:
        return print(f"btrfs: skipped: {reason}")
    prepare(suite, work)
    os.mkdir(f"{work}/large")
    for number in range(200):
        with open(f"{work}/large/f{number}", "wb") as file:
            file.write(noise(number, 250_000))
    suite.expect("before anything", "import", "large", "vol/l@large", cwd=work)
    suite.expect("before anything", "send", "-f", "large.stream", "vol/l@large", cwd=work)
    disk = f"{work}/disk"
    with LoopDisk(f"{work}/image", disk, 512):
        killed(suite, work, disk, "full.stream", "one", "old")
        suite.expect("the base", "receive", "-q", "-f", "full.stream", disk, cwd=work)
        killed(suite, work, disk, "difference.stream", "two", "new")
    full(suite, work, f"{work}/small-image")

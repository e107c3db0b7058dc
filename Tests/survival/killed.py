"""`kill -9` at every step that makes something durable, and at random moments; then the same command again.

strace counts the calls of a command and then stops it before the first, the second, … of each kind, until the command
runs through. So every prefix of what reaches the disk in order is tried.
"""

import collections
import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import time

from common import PATIENCE, change_tree, make_tree, visible

# Before each of these the command is killed, every time that it makes one.
DURABLE = ["fsync", "fdatasync", "syncfs", "rename", "renameat", "renameat2", "flock"]
# Before these only so many times, spread over the command, unless asked to be thorough.
OTHERS = [
    "pwrite64", "write", "ftruncate", "fallocate", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "linkat",
    "symlinkat", "copy_file_range", "fchmod", "fchown", "fchownat", "utimensat", "fsetxattr", "fcntl"]
SAMPLES = 4


class Scenario:
    """A command, what it starts from, and what may be seen before and after it."""

    def __init__(self, name, command, target, made, holds, finished="already"):
        self.name = name
        self.command = command
        # The volume or directory that is changed.
        self.target = target
        # What the command makes visible in it.
        self.made = made
        # What must be whole when the command has been run again: (snapshot or directory, what it was made of).
        self.holds = holds
        # What the command may say the second time where the first had come to its end before it was killed.
        self.finished = finished


SCENARIOS = [
    Scenario("import of a difference", "import new vol/d@two", "vol", ["d@two"], [("vol/d@two", "new")]),
    Scenario("import", "import new vol/other/e@one", "vol", ["other", "other/e", "other/e@one"],
             [("vol/other/e@one", "new")]),
    Scenario("receive into a volume", "receive -f full.stream vol/r", "vol", ["r", "r@one"], [("vol/r@one", "old")]),
    Scenario("receive of a difference into a volume", "receive -f difference.stream copy/d", "copy", ["d@two"],
             [("copy/d@two", "new"), ("copy/d@one", "old")]),
    Scenario("receive into a directory", "receive -f full.stream empty", "empty", ["one"], [("empty/one", "old")]),
    Scenario("receive of a difference into a directory", "receive -f difference.stream copies", "copies", ["two"],
             [("copies/two", "new"), ("copies/one", "old")]),
    Scenario("receive into a mirror", "receive --mirror -f full.stream fresh", "fresh", None, [("fresh", "old")],
             "not empty"),
    Scenario("receive of a difference into a mirror", "receive --mirror -f difference.stream mirror", "mirror", None,
             [("mirror", "new")], "not the base|cut halfway"),
    Scenario("restore", "restore vol/d@one back", ".", ["back"], [("back", "old")], "not empty"),
    Scenario("create", "create made", "made", None, [], "not empty"),
    Scenario("snapshot", "snapshot vol/d@three", "vol", ["d@three"], [("vol/d@three", "old")]),
    Scenario("destroy", "destroy -r copy/d", "copy", ["d", "d@one"], [], "no dataset"),
    Scenario("send to a file", "send -f sent vol/d@one", ".", ["sent"], []),
]


def prepare(suite, place):
    """What all commands start from."""
    os.makedirs(place)
    make_tree(f"{place}/old")
    shutil.copytree(f"{place}/old", f"{place}/new", symlinks=True)
    change_tree(f"{place}/new")
    for arguments in [
        "create vol", "import old vol/d@one", "send -f full.stream vol/d@one", "create passing",
        "receive -f full.stream passing/d", "import new passing/d@two",
        "send -p passing/d@one -f difference.stream passing/d@two", "create copy", "receive -f full.stream copy/d",
    ]:
        suite.expect("before any kill", *arguments.split(), cwd=place)
    shutil.rmtree(f"{place}/passing")
    for name in ["copies", "empty"]:
        os.mkdir(f"{place}/{name}")
    suite.expect("before any kill", "receive", "-f", "full.stream", "copies", cwd=place)
    suite.expect("before any kill", "receive", "--mirror", "-f", "full.stream", "mirror", cwd=place)


def points(suite, scenario, place):
    """Where the command can be stopped: (call, number). strace counts for each thread by itself."""
    subprocess.run(
        ["strace", "-f", "-qq", "-o", f"{place}/calls", "-e", "trace=" + ",".join(DURABLE + OTHERS), suite.cowpath,
         *scenario.command.split()], cwd=place, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    counts = collections.Counter()
    with open(f"{place}/calls") as calls:
        for line in calls:
            found = re.match(r"(\d+) +(\w+)\(", line)
            if found:
                counts[found.groups()] += 1
    most = collections.Counter()
    for (_, call), count in counts.items():
        most[call] = max(most[call], count)
    chosen = []
    for call, count in sorted(most.items()):
        numbers = range(1, count + 1)
        if call not in DURABLE and not suite.thorough and count > SAMPLES:
            numbers = sorted({1 + round(step * (count - 1) / (SAMPLES - 1)) for step in range(SAMPLES)})
        chosen += [(call, number) for number in numbers]
    return chosen


def names(suite, scenario, place):
    """What is seen in the target: of a volume what list says, of a directory its names."""
    target = f"{place}/{scenario.target}"
    if not os.path.exists(f"{target}/cowpath-volume"):
        return visible(target)
    output = suite.expect(scenario.name, "list", scenario.target, cwd=place)
    return {line.split()[0] for line in output.splitlines()[1:]}


def stop(suite, scenario, place, call, number):
    """Runs the command and kills it before a call; whether it came so far."""
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
         f"inject={call}:signal=KILL:when={number}", suite.cowpath, *scenario.command.split()],
        cwd=place, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    return done.returncode != 0


def verify(suite, scenario, place, before, what):
    """Nothing half-made is seen, and the same command succeeds."""
    seen = names(suite, scenario, place)
    is_volume = os.path.exists(f"{place}/{scenario.target}/cowpath-volume")
    if scenario.made is not None:
        # A stream that is being stored has a name of its own.
        allowed = before | set(scenario.made) | {"sent.partial"}
        least = before - set(scenario.made)
        suite.check(least <= seen <= allowed, f"{what}: only what is whole is seen", f"{before} became {seen}")
    if is_volume:
        suite.is_sound(scenario.target, f"{what}, before it is done again", place, settled=False)
    if scenario.made and set(scenario.made) <= seen and scenario.name != "destroy":
        are_whole(suite, scenario, place, f"{what}, before it is done again")
    status, output, error = suite.run(*scenario.command.split(), cwd=place)
    was_over = scenario.made is None or set(scenario.made) & seen or scenario.name == "destroy"
    if scenario.name == "create":
        was_over = is_volume
    excused = status == 1 and was_over and re.search(scenario.finished, error)
    suite.check(status == 0 or excused, f"{what}: the same command again", f"exit status {status}\n{output}{error}")
    if status != 0:
        suite.note(f"{scenario.name} that was killed, again", error)
        if is_volume:
            # Nothing was to be done, so nothing was cleared away: the next does it.
            suite.expect(what, "import", "new", f"{scenario.target}/next@one", cwd=place)
    if os.path.exists(f"{place}/{scenario.target}/cowpath-volume"):
        suite.is_sound(scenario.target, what, place)
    left = [name for name in os.listdir(place) if name.startswith(".") or name.endswith(".partial")]
    if scenario.target not in (".", "vol", "copy") and os.path.isdir(f"{place}/{scenario.target}"):
        left += [name for name in os.listdir(f"{place}/{scenario.target}")
                 if name.startswith(".") and name != ".cowpath"]
    suite.check(not left, f"{what}: nothing hidden is left", left)
    if scenario.name == "receive of a difference into a mirror" and status != 0 and "cut halfway" in error:
        return
    are_whole(suite, scenario, place, what)
    if scenario.name == "send to a file":
        suite.expect(what, "verify", "sent", cwd=place)


def are_whole(suite, scenario, place, what):
    """What the command makes holds all that it should."""
    for held, original in scenario.holds:
        if "@" in held:
            suite.restores(what, held, original, place)
        else:
            suite.same(what, original, held, place)


def one(suite, scenario, template, place, before, what, kill):
    """A fresh copy, a kill, and what follows."""
    shutil.copytree(template, place, symlinks=True)
    try:
        if kill(place):
            verify(suite, scenario, place, before, what)
    except Exception as error:  # Whatever it is, the others go on.
        suite.check(False, what, f"{type(error).__name__}: {error}")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def at_random(suite, scenario, seconds):
    """A kill after a while, in the life of the command."""
    def kill(place):
        process = subprocess.Popen(
            [suite.cowpath, *scenario.command.split()], cwd=place, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        process.wait()
        return True
    return kill


def test(suite, work):
    template = f"{work}/template"
    prepare(suite, template)
    seed = int(os.environ.get("COWPATH_SEED", "1"))
    print(f"killed: seed {seed} (COWPATH_SEED)")
    dice = random.Random(seed)
    jobs = []
    for index, scenario in enumerate(SCENARIOS):
        trial = f"{work}/trial{index}"
        shutil.copytree(template, trial, symlinks=True)
        before = names(suite, scenario, trial)
        start = time.monotonic()
        chosen = points(suite, scenario, trial)
        life = time.monotonic() - start
        shutil.rmtree(trial)
        suite.check(len(chosen) >= 3, f"killed: {scenario.name} has steps to stop at", chosen)
        for call, number in chosen:
            jobs.append((scenario, before, f"{scenario.name} killed before {call} {number}",
                         lambda place, s=scenario, c=call, n=number: stop(suite, s, place, c, n)))
        for _ in range(40 if suite.thorough else 3):
            seconds = dice.uniform(0, life / 3)
            jobs.append((scenario, before, f"{scenario.name} killed after {seconds:.4f} s",
                         at_random(suite, scenario, seconds)))
        print(f"  {scenario.name}: {len(chosen)} places to stop at")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for number, (scenario, before, what, kill) in enumerate(jobs):
            pool.submit(one, suite, scenario, template, f"{work}/job{number}", before, what, kill)

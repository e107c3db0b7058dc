"""Several processes on one volume at once: all succeed, and none waits for another longer than a commit takes."""

import os
import random
import shutil
import signal
import subprocess
import threading
import time

from common import change_tree, leftovers, make_tree, noise

# What another may have to wait for: a commit of some tens of megabytes, on a slow and busy machine.
PATIENT_SECONDS = 1.5
# What may be said when two want the same.
EXPECTED = {
    "import": ["there is a snapshot with this name already", "the dataset has changed while it was received into",
               "the base was destroyed meanwhile", "there is no dataset with this name"],
    "destroy": ["there is no snapshot with this name", "there is no dataset with this name",
                "there is no bookmark with this name"],
    "read": ["there is no snapshot with this name", "there is no dataset with this name", "a node is missing",
             "an extent is missing", "a segment cannot be read", "stored data is damaged"],
}


def large_tree(place, files):
    """Enough files that an import of them takes seconds and several commits."""
    for number in range(files):
        if number % 200 == 0:
            folder = f"{place}/{number // 200}"
            os.makedirs(folder)
        with open(f"{folder}/file with a longer name {number}", "wb") as file:
            file.write(noise(number, 600))


def started(suite, cwd, *arguments):
    return subprocess.Popen(
        [suite.cowpath, *arguments], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE)


def ended(suite, process, what):
    error = process.communicate(timeout=600)[1].decode(errors="replace")
    suite.check(process.returncode == 0, what, f"exit status {process.returncode}\n{error}")


def beside_an_import(suite, work, tree):
    """Everything else works beside a long import, and at once."""
    suite.expect("together", "create", "vol", cwd=work)
    suite.expect("together", "import", "small", "vol/s@one", cwd=work)
    importing = started(suite, work, "import", tree, "vol/large@one")
    longest = {}
    rounds = 0
    while importing.poll() is None:
        rounds += 1
        shutil.rmtree(f"{work}/back", ignore_errors=True)
        for arguments in [
            "list vol", f"snapshot vol/s@r{rounds}", f"import small vol/s@i{rounds}", f"bookmark vol/s@r{rounds} #b{rounds}",
            "send -f sent vol/s@one", "restore vol/s@one back", f"receive -f small.stream vol/r{rounds}",
            f"clone vol/s@r{rounds} vol/c{rounds}", f"destroy vol/c{rounds}", f"destroy vol/s@i{rounds}", "check vol",
        ]:
            start = time.monotonic()
            suite.expect("beside an import", *arguments.split(), cwd=work)
            verb = arguments.split()[0]
            longest[verb] = max(longest.get(verb, 0), time.monotonic() - start)
    ended(suite, importing, "an import beside everything else")
    for verb, seconds in longest.items():
        suite.check(seconds < PATIENT_SECONDS, f"{verb} beside an import does not wait", f"{seconds:.2f} s")
    print(f"  {rounds} rounds beside an import; longest: "
          + ", ".join(f"{verb} {seconds:.2f} s" for verb, seconds in sorted(longest.items())))
    suite.is_sound("vol", "together", work)
    suite.same("together", "small", "back", work)


def two_imports(suite, work, tree):
    """Into different datasets both succeed; into the same one, one does and the other says why not."""
    both = [started(suite, work, "import", tree, f"vol/{name}@one") for name in ["first", "second"]]
    for process in both:
        ended(suite, process, "two imports into two datasets")
    same = [started(suite, work, "import", "small", f"vol/same@{name}") for name in ["x", "y"]]
    errors = [process.communicate(timeout=600)[1].decode() for process in same]
    refused = [error for process, error in zip(same, errors) if process.returncode != 0]
    suite.check(len(refused) <= 1, "two imports into one dataset: one succeeds", errors)
    for error in refused:
        suite.check(any(text in error for text in EXPECTED["import"]), "two imports into one dataset", error)
        suite.note("import into a dataset that another import changed", error)
    suite.is_sound("vol", "two imports", work)


def after_a_kill(suite, work, tree):
    """A process that was killed holds nobody up."""
    for name, victim in [("killed", signal.SIGKILL), ("stopped", signal.SIGSTOP)]:
        process = started(suite, work, "import", tree, f"vol/{name}@one")
        time.sleep(0.4)
        process.send_signal(victim)
        start = time.monotonic()
        for arguments in ["list vol", f"snapshot vol/s@{name}", f"import small vol/after-{name}@one"]:
            if victim == signal.SIGKILL or arguments == "list vol":
                suite.expect(f"after an import was {name}", *arguments.split(), cwd=work)
        seconds = time.monotonic() - start
        suite.check(seconds < PATIENT_SECONDS, f"nobody waits for an import that was {name}", f"{seconds:.2f} s")
        process.kill()
        process.wait()
        process.stderr.close()
    suite.expect("after a kill", "import", "small", "vol/afterwards@one", cwd=work)
    suite.is_sound("vol", "after a kill", work)


def crowd(suite, work, seconds, seed):
    """Eight processes at a time do whatever they like for a while, some of them killed."""
    suite.expect("crowd", "create", "crowd", cwd=work)
    suite.expect("crowd", "import", "small", "crowd/keep@one", cwd=work)
    suite.expect("crowd", "send", "-f", "keep.stream", "crowd/keep@one", cwd=work)
    end = time.monotonic() + seconds
    done = []
    threads = [threading.Thread(target=wander, args=(suite, work, end, seed * 100 + number, done))
               for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"  crowd: {len(done)} commands, {done.count('killed')} of them killed")
    # The next writer clears away what the killed ones left.
    suite.expect("after the crowd", "import", "small", "crowd/last@one", cwd=work)
    suite.is_sound("crowd", "after the crowd", work)
    suite.restores("after the crowd", "crowd/keep@one", "small", work)
    for line in suite.expect("after the crowd", "list", "crowd", cwd=work).splitlines()[1:]:
        name = line.split()[0]
        if "@" in name and not name.startswith("keep"):
            place = f"{work}/whole"
            shutil.rmtree(place, ignore_errors=True)
            suite.expect("after the crowd", "restore", f"crowd/{name}", place, cwd=work)
    suite.expect("after the crowd", "destroy", "-r", "crowd/keep", cwd=work)


def wander(suite, work, end, seed, done):
    dice = random.Random(seed)
    number = 0
    while time.monotonic() < end:
        number += 1
        name = f"d{dice.randrange(3)}"
        fresh = f"{seed}-{number}"
        kind, arguments = dice.choice([
            ("import", f"import {dice.choice(['small', 'other'])} crowd/{name}@i{fresh}"),
            ("import", f"import {dice.choice(['small', 'other'])} crowd/{name}@i{fresh}"),
            ("import", f"snapshot crowd/{name}@s{fresh}"),
            ("read", f"bookmark crowd/keep@one #b{fresh}"),
            ("read", f"send -f sent{seed} crowd/keep@one"),
            ("read", f"restore crowd/keep@one back{fresh}"),
            ("read", "list crowd"),
            ("read", "check crowd"),
            ("read", f"receive -f keep.stream crowd/r{fresh}"),
            ("destroy", f"destroy -r crowd/{name}"),
            ("destroy", f"destroy crowd/keep#b{seed}-{dice.randrange(1, number + 1)}"),
        ])
        start = time.monotonic()
        process = started(suite, work, *arguments.split())
        if dice.random() < 0.15:
            time.sleep(dice.uniform(0, 0.05))
            process.kill()
            process.communicate()
            done.append("killed")
            continue
        error = process.communicate(timeout=600)[1].decode(errors="replace")
        done.append(kind)
        excused = process.returncode == 1 and any(text in error for text in EXPECTED[kind])
        suite.check(process.returncode == 0 or excused, f"in a crowd: {arguments}",
                    f"exit status {process.returncode}\n{error}")
        suite.check(time.monotonic() - start < 30, f"in a crowd: {arguments} ends soon")
        shutil.rmtree(f"{work}/back{fresh}", ignore_errors=True)


def test(suite, work):
    os.makedirs(work)
    make_tree(f"{work}/small")
    shutil.copytree(f"{work}/small", f"{work}/other", symlinks=True)
    change_tree(f"{work}/other")
    tree = os.environ.get("COWPATH_TREE") or f"{work}/large"
    if tree.startswith(work):
        large_tree(tree, 60_000 if suite.thorough else 20_000)
    suite.expect("together", "create", "other-volume", cwd=work)
    suite.expect("together", "import", "small", "other-volume/d@small", cwd=work)
    suite.expect("together", "send", "-f", "small.stream", "other-volume/d@small", cwd=work)
    seed = int(os.environ.get("COWPATH_SEED", "1"))
    print(f"together: seed {seed} (COWPATH_SEED)")
    beside_an_import(suite, work, tree)
    two_imports(suite, work, tree)
    after_a_kill(suite, work, tree)
    crowd(suite, work, 90 if suite.thorough else 10, seed)

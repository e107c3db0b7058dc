"""What is made durable before what, so that a loss of power leaves what a kill does.

Data that was written and not synced may be gone after it, and names that were given may be the old ones. So it is not
enough that the program can be killed anywhere: strace shows the order of its calls, and these rules must hold.
"""

import os
import re
import shutil
import subprocess

from common import PATIENCE, change_tree, make_tree

CALLS = ["pwrite64", "write", "fsync", "fdatasync", "syncfs", "rename", "renameat", "renameat2", "ftruncate", "openat"]


def calls_of(suite, work, command):
    """The calls that a command made, in order: (call, path of the descriptor, line)."""
    subprocess.run(
        ["strace", "-f", "-y", "-qq", "-o", f"{work}/calls", "-e", "trace=" + ",".join(CALLS), suite.cowpath,
         *command.split()], cwd=work, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=True)
    found = []
    begun = {}
    with open(f"{work}/calls", errors="replace") as lines:
        for line in lines:
            # A call during which another thread makes one is two lines. A sync counts where it ends, others where
            # they begin.
            thread = line.split()[0]
            match = re.match(r"\d+ +(\w+)\((?:\w+<([^>]*)>)?", line)
            if match and "<unfinished" in line and match[1] in ("fsync", "fdatasync", "syncfs"):
                begun[thread] = (match[1], match[2] or "", line)
            elif match:
                found.append((match[1], match[2] or "", line))
            elif thread in begun and "resumed>" in line:
                found.append(begun.pop(thread))
    return found


def volume_rules(suite, what, calls):
    """A commit never points at bytes that are not durable, and is durable when the command ends."""
    unsynced = set()
    is_log_unsynced = False
    is_folder_unsynced = False
    commits = 0
    broken = []
    for call, path, line in calls:
        if "/segments/" in path and call == "pwrite64":
            unsynced.add(path)
        elif "/segments/" in path and call in ("fsync", "fdatasync"):
            unsynced.discard(path)
        elif call == "openat" and "/segments/" in line and "O_CREAT" in line:
            is_folder_unsynced = True
        elif path.endswith("/segments") and call == "fsync":
            is_folder_unsynced = False
        elif path.endswith("-wal") and call == "pwrite64":
            is_log_unsynced = True
        elif path.endswith("-wal") and call in ("fsync", "fdatasync") and is_log_unsynced:
            is_log_unsynced = False
            commits += 1
            if unsynced or is_folder_unsynced:
                broken.append(f"commit {commits} came before {unsynced or 'the folder of segments'} was synced")
    suite.check(not broken, f"{what}: data is durable before the commit", "\n".join(broken))
    suite.check(commits >= 1 and not is_log_unsynced, f"{what}: the last commit is durable", f"{commits} commits")
    suite.check(not unsynced, f"{what}: all data is durable", unsynced)


def naming_rules(suite, what, calls, final):
    """What gets its name is durable before, and its name after."""
    names = [index for index, (call, _, line) in enumerate(calls)
             if call.startswith("rename") and re.search(rf'"[^"]*{re.escape(final)}"[^"]*$', line)]
    if not suite.check(len(names) == 1, f"{what}: {final} gets its name once", len(names)):
        return
    before, after = calls[:names[0]], calls[names[0] + 1:]
    wrote = [index for index, (call, path, _) in enumerate(before)
             if call in ("write", "pwrite64", "ftruncate") and (".partial" in path or "partial-" in path)]
    synced = [index for index, (call, path, _) in enumerate(before)
              if call == "syncfs" or call == "fsync" and ".partial" in path]
    suite.check(wrote and synced and synced[-1] > wrote[-1], f"{what}: the contents are durable before the name", "")
    suite.check(any(call in ("fsync", "syncfs") for call, _, _ in after), f"{what}: the name is durable at the end", "")


def test(suite, work):
    os.makedirs(work)
    make_tree(f"{work}/old")
    shutil.copytree(f"{work}/old", f"{work}/new", symlinks=True)
    change_tree(f"{work}/new")
    os.mkdir(f"{work}/copies")
    suite.expect("order", "create", "vol", cwd=work)
    suite.expect("order", "create", "copy", cwd=work)
    for command in ["import old vol/d@one", "import new vol/d@two", "snapshot vol/d@three"]:
        volume_rules(suite, command, calls_of(suite, work, command))
    naming_rules(suite, "send to a file", calls_of(suite, work, "send -f full.stream vol/d@one"), "full.stream")
    suite.expect("order", "send", "-p", "vol/d@one", "-f", "difference.stream", "vol/d@two", cwd=work)
    for stream in ["full", "difference"]:
        command = f"receive -f {stream}.stream copy/d"
        volume_rules(suite, command, calls_of(suite, work, command))
    for stream, name in [("full", "one"), ("difference", "two")]:
        command = f"receive -f {stream}.stream copies"
        naming_rules(suite, command, calls_of(suite, work, command), name)
    naming_rules(suite, "restore", calls_of(suite, work, "restore vol/d@one back"), "back")
    volume_rules(suite, "destroy", calls_of(suite, work, "destroy copy/d@one"))

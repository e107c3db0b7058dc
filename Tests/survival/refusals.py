"""What the system or another process refuses: each in one line that says what, where and what to do."""

import fcntl
import os
import re
import resource
import shutil
import sqlite3
import subprocess

from common import make_tree

FORM = re.compile(r"^cowpath: [^\n]+, [^\n]+: [^\n]+\n$")
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def refused(suite, work, name, *arguments, before=(), limits=None):
    """Runs what must fail, in the form that every error has."""
    done = subprocess.run(
        [*before, suite.cowpath, *arguments], cwd=work, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
        preexec_fn=limits)
    error = done.stderr.decode(errors="replace")
    suite.check(done.returncode == 1 and FORM.match(error), f"{name}: {' '.join(arguments)}",
                f"exit status {done.returncode}\n{error}")
    suite.note(name, error)


def locked(path, flags=os.O_RDONLY):
    descriptor = os.open(path, flags, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def other_formats(suite, work):
    for name, change in [
        ("a volume of a format long gone", "UPDATE meta SET value = 1 WHERE key = 'format'"),
        ("a volume of a newer format", "UPDATE meta SET value = 99 WHERE key = 'format'"),
        ("a volume with features of a newer version", "UPDATE meta SET value = 8 WHERE key = 'features'"),
    ]:
        shutil.copytree(f"{work}/vol", f"{work}/strange")
        database = sqlite3.connect(f"{work}/strange/volume.db")
        with database:
            database.execute(change)
        database.close()
        refused(suite, work, name, "list", "strange")
        shutil.rmtree(f"{work}/strange")
    shutil.copytree(f"{work}/vol", f"{work}/strange")
    with open(f"{work}/strange/volume.db", "r+b") as file:
        file.write(b"this is no database" * 100)
    for suffix in ["-wal", "-shm"]:
        os.remove(f"{work}/strange/volume.db{suffix}")
    refused(suite, work, "a volume whose database is damaged", "list", "strange")
    os.remove(f"{work}/strange/volume.db")
    refused(suite, work, "a volume whose database is gone", "list", "strange")
    shutil.rmtree(f"{work}/strange")


def locks(suite, work):
    held = locked(f"{work}/mirror")
    refused(suite, work, "a mirror that another receives into", "receive", "--mirror", "-f", "full.stream", "mirror")
    os.close(held)
    held = locked(f"{work}/sent.partial", os.O_RDWR | os.O_CREAT)
    refused(suite, work, "a stream that another stores", "send", "-f", "sent", "vol/d@one")
    os.close(held)
    suite.expect("a stream that another stored", "send", "-f", "sent", "vol/d@one", cwd=work)
    os.mkdir(f"{work}/made")
    held = locked(f"{work}/made")
    refused(suite, work, "a volume that another makes", "create", "made")
    os.close(held)
    suite.expect("a volume that another made", "create", "made", cwd=work)


def read_only(suite, work):
    os.mkdir(f"{work}/still")
    subprocess.run(["mount", "--bind", work, f"{work}/still"], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", f"{work}/still"], check=True)
    try:
        still = f"{work}/still"
        for arguments in ["list still/vol", "check --read-data still/vol", "send -f whole still/vol/d@one"]:
            suite.expect("on a read-only file system", *arguments.split(), cwd=work)
        suite.restores("on a read-only file system", "still/vol/d@one", "tree", work)
        for arguments in [
            "import tree still/vol/d@two", "snapshot still/vol/d@two", "destroy still/vol/d@one", "create still/new",
            "receive -f full.stream still/vol/r", "receive -f full.stream still/copies",
            "receive --mirror -f full.stream still/mirror", "restore vol/d@one still/back",
            "send -f still/sent2 vol/d@one",
        ]:
            words = arguments.split()
            refused(suite, work, f"{words[0]} on a read-only file system", *words)
        del still
    finally:
        subprocess.run(["umount", f"{work}/still"], check=True)


def without_rights(suite, work):
    if not shutil.which("setpriv"):
        return print("  without rights: skipped: needs setpriv")
    listed = subprocess.run([*NOBODY, suite.cowpath, "list", "vol"], cwd=work, capture_output=True, timeout=60)
    suite.check(listed.returncode == 0, "another user may list a volume that it may read", listed.stderr)
    for arguments in [
        "import tree vol/d@two", "snapshot vol/d@two", "create new", "receive -f full.stream vol/r",
        "receive -f full.stream copies", "receive --mirror -f full.stream mirror", "restore vol/d@one back",
        "send -f sent3 vol/d@one",
    ]:
        words = arguments.split()
        refused(suite, work, f"{words[0]} without rights", *words, before=NOBODY)


def failing_disk(suite, work):
    """Calls that fail as those of a dying disk do; what was committed stays, and the same command succeeds."""
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    for arguments in ["receive -f full.stream copies", "import other vol/limit@one", "send -f sent4 vol/d@one"]:
        words = arguments.split()
        refused(suite, work, f"{words[0]} beyond the largest file", *words, limits=small_files)
    for call in ["fdatasync", "fsync", "syncfs", "pwrite64"]:
        for error in ["EIO", "ENOSPC", "EDQUOT"]:
            for arguments in ["import other vol/e@one", "receive -f full.stream copies"]:
                words = arguments.split()
                shutil.rmtree(f"{work}/copies")
                os.mkdir(f"{work}/copies")
                done = subprocess.run(
                    ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                     f"inject={call}:error={error}:when=2+", suite.cowpath, *words], cwd=work, capture_output=True,
                    stdin=subprocess.DEVNULL, timeout=60)
                what = f"{words[0]} where {call} gives {error}"
                if done.returncode != 0:
                    text = done.stderr.decode(errors="replace")
                    suite.check(done.returncode == 1 and FORM.match(text), what, text)
                    suite.note(what, text)
                    suite.is_sound("vol", what, work, settled=False)
                    suite.expect(f"{what}, no more", *words, cwd=work)
                if words[0] == "import":
                    suite.expect(what, "destroy", "-r", "vol/e", cwd=work)
                    suite.is_sound("vol", what, work)


def test(suite, work):
    os.makedirs(work)
    make_tree(f"{work}/tree")
    make_tree(f"{work}/other", seed=7)
    for arguments in ["create vol", "import tree vol/d@one", "send -f full.stream vol/d@one"]:
        suite.expect("before any refusal", *arguments.split(), cwd=work)
    for name in ["copies", "mirror"]:
        os.mkdir(f"{work}/{name}")
    other_formats(suite, work)
    locks(suite, work)
    read_only(suite, work)
    without_rights(suite, work)
    failing_disk(suite, work)

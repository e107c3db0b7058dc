"""For tests that mount: a place of their own."""

import os
import subprocess
import sys


def in_own_namespace(name):
    """Starts this program again where its mounts are seen by nobody else and vanish with it; `name` is what it is
    called."""
    mark = f"COWPATH_{name.upper()}_APART"
    if not os.environ.get(mark):
        os.environ[mark] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.orig_argv[1:]])


def skip(name, reason):
    print(f"{name}: skipped: {reason}")
    sys.exit(77)


class Workplace:
    """A folder in memory, as long as it is entered."""

    def __init__(self, name):
        self.name = name
        self.path = f"{os.environ.get('TMPDIR', '/tmp')}/cowpath-{name}.{os.getpid()}"

    def __enter__(self):
        os.mkdir(self.path)
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.path], capture_output=True).returncode != 0:
            os.rmdir(self.path)
            skip(self.name, "needs tmpfs")
        return self.path

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.path])
        os.rmdir(self.path)

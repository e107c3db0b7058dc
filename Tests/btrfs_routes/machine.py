"""File systems on loop devices, and commands."""

import os
import subprocess

# Far above what any command here takes: what hangs is a failure.
PATIENCE = 300


class CommandFailed(Exception):
    """A command that had to succeed; its text is what a person needs to see of it."""


def shown(argument):
    return os.fsdecode(argument).encode("utf-8", "backslashreplace").decode()


def run(*arguments, allowed=(0,), **options):
    """Runs a command to its end; what it prints comes back."""
    try:
        done = subprocess.run(arguments, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE, **options)
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"hangs: {' '.join(map(shown, arguments))}") from error
    if allowed and done.returncode not in allowed:
        said = (done.stderr + done.stdout).decode("utf-8", "backslashreplace").strip()
        raise CommandFailed(f"exit status {done.returncode} of {' '.join(map(shown, arguments))}\n{said}")
    return done


class FileSystem:
    """A btrfs in an image file, mounted; made anew whenever it is asked for."""

    def __init__(self, place, size=2 << 30):
        self.image, self.root = place + ".img", os.fsencode(place)
        self.size, self.made_with, self.mounted_with, self.folders = size, None, None, 0
        os.mkdir(place)

    def make(self, features):
        """An empty file system; `features` are options of mkfs.btrfs."""
        self.remove()
        with open(self.image, "wb") as file:
            file.truncate(self.size)
        run("mkfs.btrfs", "-q", *features, self.image)
        run("mount", "-o", "loop", self.image, self.root)
        self.made_with = features

    def remount(self, options):
        if options != self.mounted_with:
            run("mount", "-o", "remount," + options, self.root)
            self.mounted_with = options

    def folder(self):
        """A new folder, of what one case makes."""
        self.folders += 1
        path = os.path.join(self.root, b"%d" % self.folders)
        os.mkdir(path)
        return path

    def remove(self):
        if self.made_with is not None:
            # Lazily: a task that was broken off may have left something open.
            run("umount", "--lazy", self.root)
            os.unlink(self.image)
            self.made_with = self.mounted_with = None


def btrfs(*arguments):
    return run("btrfs", *arguments)


def shown_subvolume(path):
    """What `btrfs subvolume show` says of a subvolume, by its labels."""
    lines = btrfs("subvolume", "show", path).stdout.decode("utf-8", "backslashreplace").splitlines()
    pairs = (line.strip().partition(":") for line in lines[1:])
    return {label: value.strip() for label, _, value in pairs}

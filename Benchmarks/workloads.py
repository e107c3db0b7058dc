"""The trees that are measured: each is made, then changed the way such trees change. They are the same in every run."""

import fcntl
import os
import random
import struct
import subprocess

import btrfs_jobs

ALL_PEERS = ("restic", "borg", "rsync", "tar and zstd")


def mixed(generator, length):
    """Three quarters are hexadecimal digits, which compress to half; a quarter does not compress at all."""
    digits = length * 3 // 4
    return generator.randbytes(digits // 2 + 1).hex().encode()[:digits] + generator.randbytes(length - digits)


class Workload:
    # Where the tree lies.
    tree = "tree"
    on_btrfs = False
    # For the scripts that nobody measures.
    functions = ""
    durability = ("What cowpath writes, and the repositories of restic and borg, are made durable within the times; "
                  "what rsync, tar and zstd write is not.")
    runs = 3
    # How often a command that takes milliseconds is run in each run.
    repetitions = 7
    peers = ALL_PEERS
    # None, or a tree of the same kind with fewer files, to see how cost grows with their number.
    fewer = None
    # Which of the steps that not every tree needs are done.
    changes_ten = True
    changes_times = False
    # The targets are for it.
    judged = False

    @classmethod
    def lacking(cls):
        """Why it cannot be measured here; none if it can."""
        return None

    def make(self, tree):
        """Fills a new folder."""
        raise NotImplementedError

    def leave(self, place):
        """Nothing of it holds the folder of a run any longer."""

    def next_version(self, tree):
        """Brings it up to date in place: what has not changed keeps its inode and its times."""
        raise NotImplementedError

    def change_ten(self, tree):
        """Adds a line to ten files that lie far apart."""
        paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(tree) for name in names)
        paths = [path for path in paths if os.path.isfile(path) and not os.path.islink(path)]
        for path in paths[len(paths) // 20::len(paths) // 10][:10]:
            with open(path, "ab") as file:
                file.write(b"One more line.\n")


class Kernel(Workload):
    changes_times = True
    judged = True

    def __init__(self, here):
        self.sources = os.path.join(os.path.dirname(here), ".build-demo", "kernel")
        subprocess.run([os.path.join(here, "kernel-sources"), self.sources], check=True)
        with open(os.path.join(self.sources, "versions")) as file:
            versions = " and ".join(line.strip() for line in file)
        self.description = ("two versions of the Linux kernel's source, as Debian packages it "
                            f"({versions}), the second brought over the first in place")

    def make(self, tree):
        os.makedirs(tree, exist_ok=True)
        subprocess.run(["cp", "-a", os.path.join(self.sources, "old") + "/.", tree], check=True)

    def next_version(self, tree):
        # As git or patch does it. Without --times, changed files are as new as they are.
        subprocess.run(["rsync", "-rlpgoD", "--checksum", "--delete", os.path.join(self.sources, "new") + "/",
                        tree + "/"], check=True)


class OneFile(Workload):
    description = ("one file of 4 GiB of which three quarters compress to half and the rest not at all; "
                   "then 1 % of it is overwritten in 4,000 places")
    changes_ten = False
    size = 4 << 30
    piece = 1 << 20
    places = 4000

    def __init__(self, here):
        pass

    def make(self, tree):
        os.mkdir(tree)
        generator = random.Random(1)
        with open(os.path.join(tree, "file"), "wb") as file:
            for _ in range(self.size // self.piece):
                file.write(mixed(generator, self.piece))

    def next_version(self, tree):
        generator = random.Random(2)
        length = self.size // 100 // self.places
        with open(os.path.join(tree, "file"), "r+b") as file:
            for _ in range(self.places):
                file.seek(generator.randrange(self.size - length))
                file.write(generator.randbytes(length))


class Files(Workload):
    """A number of small files, a hundred in a folder."""

    def __init__(self, here):
        pass

    def path(self, tree, number):
        return os.path.join(tree, f"{number // 10_000:03}", f"{number // 100 % 100:02}", f"{number}")

    def make(self, tree):
        self.make_files(tree, self.count)

    def make_fewer(self, tree):
        self.make_files(tree, self.fewer)

    def make_files(self, tree, count):
        generator = random.Random(1)
        for number in range(count):
            path = self.path(tree, number)
            if number % 100 == 0:
                os.makedirs(os.path.dirname(path))
            with open(path, "wb", buffering=0) as file:
                file.write(mixed(generator, self.size))

    def next_version(self, tree):
        """In every hundredth file something changes: a quarter go, a quarter get other names, half grow."""
        generator = random.Random(2)
        for kind, number in enumerate(sorted(generator.sample(range(self.count), self.count // 100))):
            path = self.path(tree, number)
            if kind % 4 == 0:
                os.unlink(path)
            elif kind % 4 == 1:
                os.rename(path, path + "-renamed")
            else:
                with open(path, "ab", buffering=0) as file:
                    file.write(generator.randbytes(100))


class ManySmall(Files):
    description = "200,000 files of 1 KiB, a hundred in a folder; then 1 % of them are changed, renamed or removed"
    count, size = 200_000, 1024


class Million(Files):
    description = "1,000,000 files of 128 bytes, a hundred in a folder; then 10 of them are changed"
    count, size = 1_000_000, 128
    judged = True
    runs = 1
    repetitions = 15
    peers = ()
    fewer = 84_000


class Smoke(Files):
    """Too small to say anything of speed: it shows that the benchmark itself works."""

    description = "400 files of 1 KiB; it shows that the benchmark works, and says nothing of speed"
    count, size = 400, 1024
    changes_times = True
    runs = 1
    repetitions = 2
    peers = ("rsync", "tar and zstd")


class SmokeMillion(Files):
    description = "2,000 files of 128 bytes; it shows that the benchmark of a million works, and says nothing of speed"
    count, size = 2_000, 128
    runs = 1
    repetitions = 2
    peers = ()
    fewer = 500


class OnBtrfs:
    """Comes before another workload: the tree is a subvolume, and the peer is btrfs itself."""

    tree = "source/tree"
    on_btrfs = True
    functions = btrfs_jobs.FUNCTIONS
    durability = ("cowpath receive has the disk write on the way and ends with one sync of the file system, btrfs "
                  "receive with none. Streams go straight to /dev/null, where btrfs send has the kernel move them "
                  "without a copy (splice), or, as the rows say, through a pipe that cat reads. All in protocol 1 "
                  "where nothing else is said.")
    peers = ("btrfs",)
    # How often one extent stands in a file, and how long it is.
    references, referenced = 10_000, 16_384
    # How many files share the extents of one of this size.
    sharing, shared = 1000, 262_144
    large = 4 << 30
    inodes = 0

    @classmethod
    def lacking(cls):
        return None if os.geteuid() == 0 else "needs root, to mount file systems of its own"

    def shell(self, script):
        subprocess.run(["bash", "-ec", self.functions + script], check=True, stdout=subprocess.DEVNULL)

    def make(self, tree):
        self.shell(f"fresh source; btrfs subvolume create {tree}")
        super().make(tree)
        self.inodes = 1 + sum(len(folders) + len(names) for _, folders, names in os.walk(tree))

    def leave(self, place):
        with open("/proc/mounts") as file:
            mounted = [line.split()[1] for line in file]
        for path in mounted:
            if path.startswith(place + "/"):
                subprocess.run(["umount", path], check=True)

    def make_references(self, tree):
        self.shell(f"btrfs subvolume create {tree}")
        with open(os.path.join(tree, "file"), "w+b", buffering=0) as file:
            file.write(random.Random(1).randbytes(self.referenced))
            for number in range(1, self.references):
                clone(file.fileno(), self.referenced, file.fileno(), number * self.referenced)

    def make_sharing(self, tree):
        self.shell(f"btrfs subvolume create {tree}")
        with open(os.path.join(tree, "first"), "w+b", buffering=0) as file:
            file.write(random.Random(1).randbytes(self.shared))
            for number in range(1, self.sharing):
                with open(os.path.join(tree, f"{number}"), "wb", buffering=0) as other:
                    clone(file.fileno(), self.shared, other.fileno(), 0)

    def make_large(self, tree):
        self.shell(f"btrfs subvolume create {tree}")
        generator = random.Random(1)
        with open(os.path.join(tree, "file"), "wb") as file:
            for _ in range(self.large // OneFile.piece):
                file.write(mixed(generator, OneFile.piece))


def clone(source, length, target, offset):
    """The first bytes of one open file stand in another, too, in the same place on the disk (FICLONERANGE)."""
    fcntl.ioctl(target, 0x4020940D, struct.pack("<qQQQ", source, 0, length, offset))


class KernelOnBtrfs(OnBtrfs, Kernel):
    def next_version(self, tree):
        """Every inode is touched: all times are those of the next version."""
        subprocess.run(["rsync", "-a", "--checksum", "--delete", os.path.join(self.sources, "new") + "/", tree + "/"],
                       check=True)


class SmokeOnBtrfs(OnBtrfs, Files):
    description = "400 files of 1 KiB on btrfs; it shows that the benchmark works, and says nothing of speed"
    count, size = 400, 1024
    runs = 1
    repetitions = 2
    references, sharing, large = 100, 20, 8 << 20


WORKLOADS = {"kernel": Kernel, "onefile": OneFile, "manysmall": ManySmall, "million": Million, "smoke": Smoke,
             "smoke-million": SmokeMillion, "btrfs": KernelOnBtrfs, "smoke-btrfs": SmokeOnBtrfs}
# What is measured when nothing is named.
MEASURED = ("kernel", "onefile", "manysmall", "million")

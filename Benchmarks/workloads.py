"""The trees that are measured: each is made, then changed the way such trees change."""

import os
import random
import shutil
import subprocess

WORDS = b"a cow on its path meets another cow on another path and they compare what they carry "


def mixed(generator, length):
    """Half of it compresses, half does not, like most of what people keep."""
    half = length // 2
    start = generator.randrange(len(WORDS))
    return generator.randbytes(length - half) + (WORDS * (half // len(WORDS) + 2))[start:start + half]


class Workload:
    """`make` fills a new folder, `change` brings it up to date; both are the same in every run."""

    runs = 3


class Kernel(Workload):
    description = "two versions of the Linux kernel's source"

    def __init__(self, here, work):
        self.sources = os.path.join(os.path.dirname(here), ".build-demo", "kernel")
        subprocess.run([os.path.join(here, "kernel-sources"), self.sources], check=True)
        with open(os.path.join(self.sources, "versions")) as file:
            self.description += " (" + " to ".join(line.strip() for line in file) + ")"

    def make(self, tree):
        subprocess.run(["cp", "-a", os.path.join(self.sources, "old"), tree], check=True)

    def change(self, tree):
        # As git or patch does it: what has not changed keeps its inode and its times.
        subprocess.run(["rsync", "-rlpgoD", "--checksum", "--delete", os.path.join(self.sources, "new") + "/",
                        tree + "/"], check=True)


class OneFile(Workload):
    description = "one file of 2 GiB, half of it compressible; then 1 % of it overwritten in 2,000 places"
    size = 2 << 30
    piece = 1 << 20

    def __init__(self, here, work):
        pass

    def make(self, tree):
        os.mkdir(tree)
        generator = random.Random(1)
        with open(os.path.join(tree, "file"), "wb") as file:
            for _ in range(self.size // self.piece):
                file.write(mixed(generator, self.piece))

    def change(self, tree):
        generator = random.Random(2)
        with open(os.path.join(tree, "file"), "r+b") as file:
            for _ in range(2000):
                file.seek(generator.randrange(self.size - 10_737))
                file.write(generator.randbytes(10_737))


class Files(Workload):
    """A number of small files, a hundred in a folder."""

    def __init__(self, here, work):
        pass

    def make(self, tree):
        os.mkdir(tree)
        generator = random.Random(1)
        for number in range(self.count):
            if number % 100 == 0:
                folder = os.path.join(tree, f"{number // 10_000:03}", f"{number // 100 % 100:02}")
                os.makedirs(folder)
            with open(os.path.join(folder, f"{number}"), "wb", buffering=0) as file:
                file.write(mixed(generator, generator.randrange(self.largest)))

    def change(self, tree):
        generator = random.Random(2)
        for number in sorted(generator.sample(range(self.count), self.changes)):
            folder = os.path.join(tree, f"{number // 10_000:03}", f"{number // 100 % 100:02}")
            path = os.path.join(folder, f"{number}")
            kind = number % 4
            if kind == 0:
                os.unlink(path)
            elif kind == 1:
                os.rename(path, path + "-renamed")
            else:
                with open(path, "ab", buffering=0) as file:
                    file.write(generator.randbytes(100))


class ManySmall(Files):
    description = "100,000 files of up to 8 kB; then 1,000 of them changed"
    count, largest, changes = 100_000, 8_000, 1_000


class Million(Files):
    description = "1,000,000 files of up to 200 bytes; then 100 of them changed"
    count, largest, changes = 1_000_000, 200, 100
    runs = 1


WORKLOADS = {"kernel": Kernel, "onefile": OneFile, "manysmall": ManySmall, "million": Million}


def fresh(path):
    """Removes what a run before may have left."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)

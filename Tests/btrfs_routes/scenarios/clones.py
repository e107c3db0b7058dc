"""Clones: what shares its blocks must share them on the other side, and hold what it held."""

import os

from scenarios.scenario import Take, noise, scenario, text

CLONES = "clones"
KIB = 1 << 10


@scenario(CLONES, "the space that files share, whole and with an end that is not aligned")
def whole_files(tree):
    tree.file("f", content=noise(300_001))
    tree.file("small", content=noise(5000))
    yield
    for name in ("one", "other"):
        tree.clone("f", 0, 0, name, 0)
    tree.clone("small", 0, 0, "third", 0)
    yield
    tree.clone("one", 0, 0, "again", 0)
    tree.remove("f")
    yield


@scenario(CLONES, "the end of a file put behind other data, or into a longer file")
def ends_not_aligned(tree):
    tree.file("source", content=noise(65_536 + 777))
    tree.file("short", content=noise(8192, 2))
    tree.file("long", content=noise(300_000, 3))
    yield
    tree.clone("source", 65_536, 0, "short", 8192)
    tree.clone("source", 0, 65_536, "long", 131_072)
    yield


@scenario(CLONES, "the ends of files by a short file that has them as well, which a receiver keeps in its tree itself")
def ends_in_short_files(tree):
    for number in range(4):
        tree.file(f"last {number}", content=noise(8192 + 1000, number))
        tree.clone(f"last {number}", 0, 0, f"more {number}", 0)
        tree.clone(f"last {number}", 8192, 0, f"first {number}", 0)
    yield
    for number in range(4):
        tree.clone(f"first {number}", 0, 0, f"again {number}", 0)
        tree.clone(f"more {number}", 0, 0, f"a longer one {number}", 0)
    yield


@scenario(CLONES, "a clone of what was cut off afterwards: a range beyond the end of its source")
def cut_off_after_the_clone(tree):
    tree.file("f", content=noise(400_000))
    yield
    tree.clone("f", 0, 0, "copy", 0)
    tree.truncate("f", 100_003)
    yield
    tree.clone("copy", 200_704, 0, "tail", 0)
    tree.truncate("copy", 4096)
    yield


@scenario(CLONES, "blocks of a file that it has twice, or that have moved within it")
def within_one_file(tree):
    tree.file("f", content=noise(256 * KIB))
    tree.file("g", content=noise(256 * KIB, 2))
    yield
    tree.clone("f", 0, 64 * KIB, "f", 512 * KIB)
    tree.clone("f", 64 * KIB, 64 * KIB, "f", 128 * KIB)
    tree.clone("g", 128 * KIB, 128 * KIB, "g", 0)
    tree.write("g", 128 * KIB, noise(128 * KIB, 3))
    yield
    tree.clone("f", 512 * KIB, 64 * KIB, "f", 0)
    yield


@scenario(CLONES, "a clone whose source is partly overwritten in the same step: it would hold the new bytes")
def source_overwritten(tree):
    tree.file("a", "z", content=noise(300 * KIB))
    yield
    tree.clone("a", 0, 0, "m", 0)
    tree.clone("z", 0, 0, "n", 0)
    for name in ("a", "z"):
        tree.write(name, 50_000, noise(60_000, 2))
        tree.write(name, 0, noise(10, 3))
    yield
    tree.write("m", 200 * KIB, noise(20 * KIB, 4))
    tree.clone("m", 0, 0, "o", 0)
    yield


@scenario(CLONES, "a clone whose source has another name, or is gone, in the same step")
def source_moved_or_gone(tree):
    tree.file("dir/moves", "dir/goes", content=noise(200 * KIB))
    yield
    tree.clone("dir/moves", 0, 0, "first", 0)
    tree.clone("dir/goes", 0, 0, "second", 0)
    tree.move("dir/moves -> moved", "dir -> other")
    tree.remove("other/goes")
    tree.file("other/goes", content=noise(200 * KIB, 9))
    yield


@scenario(CLONES, "clones that have changed places with their sources")
def swapped_with_source(tree):
    tree.file("one", content=noise(128 * KIB))
    tree.file("two", content=noise(128 * KIB, 2))
    yield
    tree.clone("one", 0, 64 * KIB, "spare", 0)
    tree.clone("two", 0, 64 * KIB, "one", 0)
    tree.clone("spare", 0, 64 * KIB, "two", 0)
    tree.remove("spare")
    yield


@scenario(CLONES, "what a second subvolume shares with the first, by a clone source")
def from_another_subvolume(tree):
    other = tree.another(b"other")
    tree.file("f", content=noise(400_000))
    other.file("own", content=noise(50_000, 2))
    yield
    yield Take(other)
    os.makedirs(other.path("sub"))
    with open(tree.path("f"), "rb") as source:
        other.clone(source.name, 0, 0, "sub/taken", 0)
        other.clone(source.name, 131_072, 65_536, "own", 49_152 + 4096)
    yield Take(other, clones=[0])
    tree.write("f", 100_000, noise(100_000, 3))
    other.clone(tree.path("f"), 0, 0, "sub/newer", 0)
    yield
    yield Take(other, clones=[0, 3])


@scenario(CLONES, "a range with holes and allocated parts between the data")
def ranges_with_holes(tree):
    tree.write("f", 0, noise(40_000))
    tree.write("f", 200 * KIB, noise(40_000, 2))
    tree.truncate("f", 400 * KIB)
    tree.allocate("f", 300 * KIB, 50 * KIB)
    yield
    tree.clone("f", 0, 0, "copy", 0)
    tree.file("data", content=noise(400 * KIB, 3))
    tree.clone("f", 0, 256 * KIB, "data", 64 * KIB)
    yield


@scenario(CLONES, "an extent with more references than btrfs send counts: a copy of it for each")
def more_references_than_counted(tree):
    tree.file("source", content=noise(16 * KIB))
    yield
    for number in range(1500):
        tree.clone("source", 0, 16 * KIB, "many", number * 16 * KIB)
    for number in range(50):
        tree.clone("source", 0, 16 * KIB, f"file-{number}", 0)
    yield


@scenario(CLONES, "parts of compressed extents in several files", mount="compress-force=zstd")
def compressed_parts(tree):
    tree.file("f", content=text(500_000))
    tree.sync()
    yield
    tree.clone("f", 4096, 65_536, "one", 0)
    tree.clone("f", 139_264, 131_072, "one", 65_536)
    tree.clone("f", 0, 0, "two", 0)
    tree.write("f", 10_000, text(10_000, 2))
    tree.clone("one", 8192, 40_960, "three", 12_288)
    tree.sync()
    yield


@scenario(CLONES, "a small file, kept in the tree itself, that was cloned")
def inline_clones(tree):
    tree.file("tiny", content=noise(900))
    yield
    for number in range(3):
        tree.clone("tiny", 0, 0, f"copy-{number}", 0)
    tree.write("copy-1", 5000, noise(10_000, 2))
    yield
    tree.clone("copy-1", 4096, 8192, "copy-2", 4096)
    yield


@scenario(CLONES, "a chain of clones, each of a part of the one before, all sent at once")
def chain_of_clones(tree):
    tree.file("link-0", content=noise(256 * KIB))
    for number in range(1, 20):
        tree.clone(f"link-{number - 1}", 4096, 0, f"link-{number}", 0)
        tree.write(f"link-{number}", number * 8192, noise(3000, number))
    yield
    for number in range(0, 20, 2):
        tree.move(f"link-{number} -> moved-{number}")
        tree.truncate(f"moved-{number}", 100_000)
    yield

"""Contents: holes, what is allocated ahead, ends of files, compressed data, data not yet written."""

import mmap
import os

import btrfs_history
from scenarios.scenario import noise, scenario, text

HOLES = "holes, preallocation, ends of files"
COMPRESSED = "compressed data"
DELAYED = "data not yet written"
KIB, MIB = 1 << 10, 1 << 20


@scenario(HOLES, "holes punched into a file: they would be filled with zeros, or hide data")
def holes_punched(tree):
    for number in range(4):
        tree.file(f"f{number}", content=noise(300 * KIB, number))
    yield
    tree.punch("f0", 0, 64 * KIB)
    tree.punch("f1", 100_001, 77_777)
    tree.punch("f2", 200 * KIB, 200 * KIB)
    tree.punch("f3", 0, 400 * KIB)
    yield
    tree.write("f0", 8 * KIB, noise(4 * KIB, 9))
    tree.write("f3", 299 * KIB, noise(100, 9))
    yield


@scenario(HOLES, "the zeros between the old and the new end of a file that was first cut off")
def cut_off_and_extended(tree):
    for number in range(3):
        tree.file(f"f{number}", content=noise(200 * KIB, number))
    yield
    for number, size in enumerate((100_003, 4096, 1)):
        tree.truncate(f"f{number}", size)
        tree.truncate(f"f{number}", 300 * KIB + number)
    tree.write("f1", 250 * KIB, noise(5000, 7))
    yield
    tree.truncate("f0", 0)
    tree.truncate("f0", 50_000)
    yield


@scenario(HOLES, "space allocated beyond the end of a file, with a hole punched into it")
def allocated_beyond_the_end(tree):
    tree.file("f", "g", "h", content=noise(100 * KIB))
    tree.allocate("f", 100 * KIB, MIB)
    tree.allocate("g", 0, 4 * MIB)
    yield
    tree.punch("f", 300 * KIB, 200 * KIB)
    tree.punch("g", 0, 100 * KIB)
    tree.allocate("h", 1200 * KIB, 800 * KIB)
    yield
    tree.punch("h", 0, 500 * KIB)
    tree.write("f", 400 * KIB, noise(10_000, 2))
    yield


@scenario(HOLES, "data written into a part of what was allocated ahead")
def allocation_partly_written(tree):
    tree.allocate("f", 0, MIB, 0)
    tree.allocate("kept", 0, MIB)
    yield
    tree.write("f", 333_333, noise(50_000))
    tree.write("f", 700 * KIB, noise(4096))
    tree.write("kept", 0, noise(5))
    yield
    tree.allocate("f", 340_000, 20_000, btrfs_history.FALLOC_FL_ZERO_RANGE)
    yield


@scenario(HOLES, "a file of a terabyte of holes: the space of the receiver, if they were written")
def almost_nothing_but_hole(tree):
    tree.truncate("hole", 1 << 40)
    tree.truncate("written", 1 << 30)
    tree.file("small", content=b"x")
    yield
    tree.write("written", 512 * MIB, b"in the middle of a gigabyte")
    tree.write("hole", 123 * MIB + 5, noise(10_000))
    tree.truncate("small", 1 << 33)
    yield
    tree.truncate("hole", 200 * MIB)
    tree.punch("hole", 123 * MIB, MIB)
    yield


@scenario(HOLES, "the hole at the odd end of a file that grows: the kernel would fill its last block with zeros")
def hole_at_an_odd_end(tree):
    ends = ("hole", "punched", "set-aside", "same-size")
    for number, name in enumerate(ends):
        tree.file(name, content=noise(100_003, number))
    tree.file("tiny", "cut-down", content=noise(93))
    tree.punch("hole", 64 * KIB, 64 * KIB)
    yield
    for name in ("punched", "set-aside", "same-size"):
        tree.punch(name, 80 * KIB, 64 * KIB)
    tree.allocate("same-size", 90 * KIB, 100 * KIB)
    # To a whole block first, from which on growing fills nothing.
    for name in ("hole", "punched", "set-aside"):
        tree.truncate(name, 80 * KIB)
    tree.allocate("set-aside", 80 * KIB, 200 * KIB)
    tree.write("hole", 200 * KIB, noise(5000, 7))
    tree.truncate("punched", 300_001)
    tree.truncate("set-aside", 150_001)
    for name in ("tiny", "cut-down"):
        tree.truncate(name, 0)
        tree.allocate(name, 0, 28_672)
        tree.truncate(name, 26_108)
    yield
    tree.truncate("punched", 80 * KIB)
    tree.write("punched", 500 * KIB, noise(4096, 8))
    tree.truncate("set-aside", 130_001)
    tree.truncate("cut-down", 12)
    yield


@scenario(HOLES, "what a file shares at its odd end, when space has been set aside behind it")
def shared_at_an_odd_end(tree):
    tree.file("source", content=noise(30_001))
    tree.allocate("grown", 0, 4096)
    yield
    for name in ("grown", "new"):
        tree.allocate(name, 32 * KIB, 200 * KIB)
        tree.clone("source", 0, 0, name, 0)
    yield


@scenario(HOLES, "what was data and is set aside now, where a stream knows no such thing: zeros would be written")
def set_aside_in_place_of_data(tree):
    tree.file("same-size", "shorter", "longer", "cloned", content=noise(71_064))
    tree.file("between", content=noise(200 * KIB))
    yield
    for name, size in (("same-size", 71_064), ("shorter", 70_747), ("longer", 90_001)):
        tree.truncate(name, 8 * KIB)
        tree.allocate(name, 8 * KIB, 100 * KIB)
        tree.truncate(name, size)
    tree.punch("between", 64 * KIB, 32 * KIB)
    tree.allocate("between", 64 * KIB, 32 * KIB)
    tree.allocate("spare", 0, 70_747, 0)
    tree.truncate("cloned", 0)
    tree.clone("spare", 0, 0, "cloned", 0)
    yield


@scenario(HOLES, "a small file, kept in the tree itself, that has grown or been cut off")
def inline_grows_and_shrinks(tree):
    for number, size in enumerate((1, 100, 1000, 2000, 2048, 4095)):
        tree.file(f"f{number}", content=noise(size, number))
    yield
    for number in range(6):
        tree.write(f"f{number}", 6000 * number + 3, noise(500, 20 + number))
    yield
    for number in range(6):
        tree.truncate(f"f{number}", 77 * number)
    yield


@scenario(HOLES, "what a hole and data become when they change places")
def holes_and_data_change_places(tree):
    for block in range(0, 64, 2):
        tree.write("f", block * 4096, noise(4096, block))
    tree.truncate("f", 64 * 4096)
    yield
    for block in range(0, 64, 2):
        tree.punch("f", block * 4096, 4096)
        tree.write("f", (block + 1) * 4096, noise(4096, block + 1))
    yield


def overwritten(tree):
    """Extents of 128 KiB of which parts are in use, at offsets into what they hold decompressed."""
    tree.file("f", "g", content=text(700_001))
    tree.file("mixed", content=text(200 * KIB) + noise(200 * KIB) + text(200 * KIB, 3))
    tree.file("tiny", content=text(1500))
    tree.sync()
    yield
    tree.write("f", 50_000, text(20_000, 2))
    tree.write("f", 300_007, noise(4096))
    tree.punch("g", 131_072 + 8192, 16_384)
    tree.truncate("g", 500_003)
    tree.write("mixed", 100_000, noise(300, 5))
    tree.write("tiny", 700, text(100, 4))
    tree.sync()
    yield
    tree.clone("f", 65_536, 131_072, "taken", 0)
    tree.clone("g", 4096 * 20, 4096 * 30, "f", 4096 * 150)
    tree.write("taken", 140_000, text(5000, 6))
    yield


@scenario(COMPRESSED, "parts of zstd extents, at offsets and with ends not aligned", mount="compress-force=zstd")
def zstd_overwritten(tree):
    yield from overwritten(tree)


@scenario(COMPRESSED, "parts of lzo extents, which have a framing of their own", mount="compress-force=lzo")
def lzo_overwritten(tree):
    yield from overwritten(tree)


@scenario(COMPRESSED, "parts of zlib extents", mount="compress-force=zlib")
def zlib_overwritten(tree):
    yield from overwritten(tree)


@scenario(COMPRESSED, "the compression that was asked for, of one file and of a folder")
def compression_asked_for(tree):
    tree.folder("dir")
    for name, value in (("dir", b"zstd"), ("file", b"lzo"), ("none", b"no")):
        if name != "dir":
            tree.file(name, content=b"")
        os.setxattr(tree.path(name), "btrfs.compression", value)
    tree.file("dir/inherits", content=text(400_000))
    tree.write("file", 0, text(400_000))
    tree.write("none", 0, text(400_000))
    yield
    os.setxattr(tree.path("file"), "btrfs.compression", b"zlib")
    tree.write("file", 100_000, text(100_000, 2))
    tree.file("dir/second", content=text(300_000))
    yield


@scenario(DELAYED, "what was written just before the snapshot")
def written_at_the_last_moment(tree):
    tree.file("f", content=b"")
    yield
    with tree.opened("f") as file:
        file.write(noise(3 * MIB))
        yield
        file.seek(MIB + 17)
        file.write(noise(200_000, 2))
        file.truncate(4 * MIB)
        with mmap.mmap(file.fileno(), 4 * MIB) as mapped:
            mapped[2 * MIB + 5:2 * MIB + 9] = b"maps"
            mapped.flush()
            yield
    tree.file("g", content=text(50_000))
    tree.move("g -> h")
    yield

"""Inodes: numbers that mean another file now, files without a name, nested subvolumes, and what goes on meanwhile."""

import os
import threading
from contextlib import contextmanager

from history import link_open
from machine import btrfs, run
from scenarios.scenario import Take, noise, scenario, text

REUSE = "inode numbers used again"
ORPHANS = "inodes without a name"
STUBS = "nested subvolumes"
BASES = "bases of other descent"
MEANWHILE = "what goes on meanwhile"


@scenario(REUSE, "a file that has the number and the path of an older one: its contents would be taken for unchanged")
def same_path_other_file(tree):
    yield
    for number in range(8):
        tree.file(f"dir/{number}", content=noise(20_000, number))
    tree.link("dir/3", "linked")
    yield
    tree.roll_back(0)
    for number in range(8):
        tree.file(f"dir/{number}", content=noise(20_000, number // 2))
    tree.link("dir/4", "linked")
    yield Take(base=1)


@scenario(REUSE, "a number that was a folder's and is a file's now, and the other way round")
def number_of_another_kind(tree):
    tree.file("kept")
    yield
    tree.folder("a", "b/c")
    tree.file("b/c/file", "f")
    os.symlink("f", tree.path("s"))
    os.mkfifo(tree.path("p"))
    yield
    tree.roll_back(0)
    tree.file("f")
    os.symlink("a", tree.path("a"))
    tree.folder("b")
    os.mkfifo(tree.path("b/c"))
    tree.folder("s", "p")
    tree.file("s/kept")
    tree.move("kept -> p/kept")
    yield Take(base=1)


@scenario(REUSE, "folders of one number that are not the same, with names alike that are not the same files")
def folders_of_one_number(tree):
    yield
    tree.folder("x/y/z")
    tree.file("x/same", "x/y/same", "x/y/z/same")
    yield
    tree.roll_back(0)
    tree.folder("y/z/x")
    tree.file("y/z/x/same", "y/z/same", "y/same", content=b"other")
    yield Take(base=1)


@scenario(REUSE, "what was moved between folders of which one number is used again")
def moved_into_used_again(tree):
    for number in range(6):
        tree.file(f"old/{number}")
    yield
    tree.folder("n1", "n2/n3")
    for number in range(3):
        tree.move(f"old/{number} -> n2/n3/{number}")
    yield
    tree.roll_back(0)
    tree.folder("n3/n2/n1")
    for number in range(2, 6):
        tree.move(f"old/{number} -> n3/n2/n1/{number}")
    yield Take(base=1)


@scenario(BASES, "an incremental stream from a subvolume that has nothing to do with this one")
def base_of_another_subvolume(tree):
    other = tree.another(b"other")
    tree.file("dir/f", "only-here", content=noise(100_000))
    other.file("dir/f", "only-there", content=noise(100_000, 2))
    other.folder("only-here")
    yield
    yield Take(other, base=0)


@scenario(BASES, "an incremental stream between two branches of one snapshot")
def base_of_another_branch(tree):
    tree.file("dir/f", "g", content=noise(200_000))
    yield
    branch = tree.another(b"branch", tree.newest)
    tree.write("g", 1000, noise(50_000, 2))
    tree.file("new-here")
    tree.move("dir/f -> f")
    yield
    branch.write("g", 100_000, noise(50_000, 3))
    branch.move("dir -> folder")
    branch.file("new-there", "f")
    yield Take(branch, base=1)
    yield Take(tree, base=2)


@scenario(BASES, "an older state as the newer one, and an incremental stream over several snapshots")
def back_and_over_several(tree):
    for number in range(4):
        tree.file(f"f{number}", content=noise(50_000, number))
        tree.write("grows", number * 70_000, noise(70_000, 10 + number))
        yield
    tree.roll_back(1)
    tree.file("after")
    yield Take(base=3)
    yield Take(base=0)


@scenario(ORPHANS, "files that were open and had no name: they must not appear, nor stop the stream")
def open_without_a_name(tree):
    tree.file("dir/unlinked", "dir/kept", "late", content=noise(100_000))
    held = [os.open(tree.path("dir/unlinked"), os.O_RDWR), os.open(tree.path("late"), os.O_RDWR)]
    held.append(os.open(tree.root, os.O_TMPFILE | os.O_RDWR, 0o600))
    os.write(held[-1], noise(50_000))
    tree.remove("dir/unlinked")
    yield
    tree.remove("late")
    tree.move("dir -> moved")
    link_open(held[-1], tree.path("named-now"))
    yield
    for descriptor in held:
        os.close(descriptor)
    tree.file("late")
    yield


@scenario(ORPHANS, "a folder that was deleted while it was open")
def folder_open_without_a_name(tree):
    tree.folder("dir/sub")
    tree.file("dir/file")
    yield
    held = os.open(tree.path("dir"), os.O_RDONLY)
    tree.remove("dir/")
    tree.folder("dir")
    yield
    os.close(held)
    yield


@scenario(STUBS, "what lies around nested subvolumes that come, move and go")
def nested_subvolumes(tree):
    tree.file("dir/file")
    btrfs("subvolume", "create", tree.path("dir/nested"))
    tree.file("dir/nested/inside")
    btrfs("subvolume", "create", tree.path("second"))
    yield
    tree.move("dir -> moved", "second -> moved/second")
    btrfs("subvolume", "create", tree.path("third"))
    btrfs("subvolume", "delete", tree.path("moved/nested"))
    tree.file("moved/nested")
    yield
    btrfs("subvolume", "delete", tree.path("moved/second"))
    tree.remove("moved/")
    btrfs("subvolume", "delete", tree.path("third"))
    tree.folder("third", "moved")
    tree.file("third/inside")
    yield


@scenario(STUBS, "a folder that is a nested subvolume now, and one that was")
def folder_becomes_subvolume(tree):
    tree.folder("folder", "plain")
    tree.file("folder/file")
    btrfs("subvolume", "create", tree.path("nested"))
    yield
    tree.remove("folder/")
    btrfs("subvolume", "create", tree.path("folder"))
    btrfs("subvolume", "delete", tree.path("nested"))
    tree.folder("nested")
    tree.move("plain -> nested/plain")
    yield


@contextmanager
def again_and_again(action):
    """Does something in the background until it is left."""
    over = threading.Event()

    def work():
        while not over.is_set():
            action()
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def balancing(source):
    """Every extent of the source gets another place on the disk."""
    return again_and_again(lambda: run("btrfs", "balance", "start", "--full-balance", source.root, allowed=()))


def writing_elsewhere(source):
    """Other subvolumes are made, written and deleted."""
    path = os.path.join(source.root, b"busy")

    def work():
        btrfs("subvolume", "create", path)
        with open(os.path.join(path, b"file"), "wb") as file:
            file.write(noise(100_000))
        btrfs("subvolume", "delete", path)
    return again_and_again(work)


@scenario(MEANWHILE, "what is sent while a balance moves every extent", meanwhile=balancing)
def balance_during_the_send(tree):
    for number in range(40):
        tree.file(f"dir/{number}", content=noise(60_000, number))
        tree.clone(f"dir/{number}", 0, 0, f"copy-{number}", 0)
    tree.file("large", content=text(3 << 20))
    yield
    for number in range(0, 40, 3):
        tree.write(f"dir/{number}", 20_000, noise(20_000, 100 + number))
        tree.clone(f"dir/{number}", 0, 0, f"copy-{number + 1 if number < 39 else 0}", 0)
    yield


@scenario(MEANWHILE, "what is sent while other subvolumes are written and deleted", meanwhile=writing_elsewhere)
def others_write_meanwhile(tree):
    for number in range(100):
        tree.file(f"dir-{number % 7}/{number}", content=noise(5000, number))
    yield
    for number in range(0, 100, 9):
        tree.write(f"dir-{number % 7}/{number}", 100, b"changed")
    yield

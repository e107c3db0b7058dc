"""Names, folders and links: in which order, by which paths."""

import os
import random

from scenarios.scenario import scenario

ORDER = "order of renames"
PATHS = "paths through what moves"
LINKS = "hard links"
LONG = "long paths"


@scenario(ORDER, "two files that have changed places: each would get the other's contents, or one would be gone")
def files_change_places(tree):
    tree.file("one", content=b"of one")
    tree.file("other", content=b"of the other")
    yield
    tree.exchange("one", "other")
    yield


@scenario(ORDER, "folders whose names have gone round: all below two of them")
def names_go_round(tree):
    for name in "abc":
        tree.file(f"{name}/of-{name}")
        tree.file(f"file-{name}", content=name.encode())
    yield
    tree.move("a -> spare", "c -> a", "b -> c", "spare -> b")
    tree.move("file-c -> spare", "file-a -> file-c", "file-b -> file-a", "spare -> file-b")
    yield
    tree.move("c -> spare", "b -> c", "a -> b", "spare -> a")
    yield


@scenario(ORDER, "folders of the same path whose roots were swapped: a file would be looked for in the wrong one")
def roots_swapped(tree):
    tree.file("p1/p2/old", "p2/p1/other")
    yield
    tree.exchange("p1", "p2")
    tree.file("p1/p1/new")
    tree.move("p2/p2/old -> p1/p1/old")
    yield


@scenario(ORDER, "a file with the name its own folder had")
def file_named_as_its_folder_was(tree):
    tree.file("dir/sub/file", "dir/kept")
    yield
    tree.move("dir -> moved", "moved/sub/file -> dir")
    yield


@scenario(ORDER, "a folder that became the child of a new one with its old name")
def folder_below_its_name(tree):
    tree.file("top/name/inside", "top/beside")
    yield
    tree.move("top/name -> renamed")
    tree.folder("top/name")
    tree.move("renamed -> top/name/deeper")
    tree.file("top/name/new")
    yield


@scenario(ORDER, "what was moved out of a folder before it was deleted")
def moved_out_of_what_is_deleted(tree):
    tree.file("gone/deep/kept", "gone/deep/lost", "gone/tree/inside")
    yield
    tree.move("gone/deep/kept -> kept", "gone/tree -> tree")
    tree.remove("gone/")
    tree.file("gone")
    yield


@scenario(ORDER, "a folder that must wait for another to leave, and takes its name")
def name_of_a_delayed_folder(tree):
    tree.file("a/file", "b/in-b", "c/in-c")
    yield
    tree.move("c -> x", "a -> x/y", "b -> a")
    yield


@scenario(ORDER, "a folder that is deleted, of which every link of one file was the last child")
def last_children_are_links(tree):
    tree.file("dir/one", "elsewhere/keep")
    tree.link("dir/one", *(f"dir/link-{n}" for n in range(20)))
    yield
    tree.link("dir/one", "elsewhere/saved")
    tree.remove("dir/")
    yield
    tree.remove("elsewhere/saved")
    yield


@scenario(ORDER, "files of the user that are named like the temporary names of a stream")
def named_like_temporaries(tree):
    tree.file("a/file", "b/file", "c/file")
    inodes = {os.lstat(tree.path(name)).st_ino for name in ("a", "b", "c", "a/file", "b/file", "c/file")}
    inodes |= set(range(256, 256 + 40))
    for inode in sorted(inodes):
        for generation in range(1, 30):
            tree.file(f"o{inode}-{generation}-0", content=b"%d" % inode)
    yield
    tree.exchange("a", "b")
    tree.move("c -> a/c", "a/file -> c", "b/file -> a/file")
    for number in range(6):
        tree.file(f"new/{number}")
    yield


@scenario(PATHS, "a tree that has been turned inside out: everything below it")
def turned_inside_out(tree):
    tree.file("a/b/c/d/file", "a/in-a", "a/b/in-b", "a/b/c/in-c")
    yield
    tree.move("a/b/c/d -> d", "a/b/c -> d/c", "a/b -> d/c/b", "a -> d/c/b/a")
    tree.move("d/file -> d/c/b/a/file-moved")
    yield
    tree.move("d/c/b/a -> a", "d/c/b -> a/b", "d/c -> a/b/c", "d -> a/b/c/d")
    yield


@scenario(PATHS, "a folder moved below one with a higher number that has moved as well")
def below_a_later_one(tree):
    tree.folder("a/b", "a/c", "d")
    tree.file("a/b/file", "d/file")
    yield
    tree.folder("e")
    tree.move("a/c -> e/c", "d -> e/c/d", "a/b -> e/c/d/b", "a -> e/c/d/b/a")
    yield
    tree.move("e/c/d -> top", "e/c -> top/b/c")
    yield


@scenario(PATHS, "the paths of files below a new folder that waits for a move")
def new_folder_above_moved(tree):
    tree.file("x/y/z/file", "w/v/file")
    yield
    tree.folder("n/m")
    tree.move("x/y -> n/m/y", "w -> n/m/y/z/w", "x -> n/m/y/z/w/v/x")
    tree.file("n/m/y/z/w/v/x/new")
    tree.write("n/m/y/z/file", 5, b"changed")
    yield


@scenario(PATHS, "a hierarchy of a hundred folders in which all has moved: folders, and files in the wrong ones")
def everything_has_moved(tree):
    rng = random.Random(7)
    folders = ["top"]
    tree.folder("top")
    for number in range(100):
        folders.append(f"{rng.choice(folders)}/{number}")
        tree.folder(folders[-1])
        tree.file(f"{folders[-1]}/file-{number}")
    yield
    for _ in range(3):
        for number in range(150):
            there = [os.path.relpath(f, tree.root).decode() for f, _, _ in os.walk(tree.path("top"))]
            there.sort()
            old, new = rng.choice(there[1:]), rng.choice(there)
            if not f"{new}/".startswith(f"{old}/"):
                goal = f"{new}/{rng.choice([old.split('/')[-1], str(rng.randrange(100))])}"
                if not os.path.lexists(tree.path(goal)):
                    tree.move(f"{old} -> {goal}")
        yield


@scenario(PATHS, "folders that are all gone while what was in them went elsewhere")
def folders_gone_children_moved(tree):
    for number in range(10):
        tree.file(f"old/{number}/sub/file", f"old/{number}/other")
    yield
    tree.folder("new")
    for number in range(10):
        tree.move(f"old/{number}/sub -> new/{9 - number}")
        tree.remove(f"old/{number}/")
    tree.remove("old")
    tree.file("old")
    yield


@scenario(LINKS, "links of one file across folders that have changed places: contents under a wrong name")
def links_across_swapped_folders(tree):
    tree.file("a/one", content=b"first")
    tree.file("b/two", content=b"second")
    tree.link("a/one", "b/one", "one")
    tree.link("b/two", "a/two", "two")
    yield
    tree.exchange("a", "b")
    tree.move("a/one -> spare", "b/two -> a/one", "spare -> b/two")
    tree.remove("one")
    tree.link("a/two", "one")
    yield


@scenario(LINKS, "a name of a linked file that another file has now")
def a_link_replaced(tree):
    tree.file("f1", content=b"one")
    tree.file("f2", content=b"two")
    tree.link("f1", "l1", "l2")
    yield
    tree.move("f2 -> l1")
    tree.link("l1", "f2")
    tree.move("f1 -> sub" if os.path.isdir(tree.path("sub")) else "f1 -> other")
    yield
    tree.remove("l2")
    tree.move("other -> l2")
    yield


@scenario(LINKS, "thousands of links of one file in one folder")
def thousands_of_links(tree):
    tree.file("many/first", "apart/kept")
    for number in range(3000):
        tree.link("many/first", f"many/link-{number:05}-{'l' * 60}")
    yield
    for number in range(0, 3000, 3):
        tree.remove(f"many/link-{number:05}-{'l' * 60}")
    tree.remove("many/first")
    tree.link(f"many/link-00001-{'l' * 60}", "apart/again")
    yield
    tree.move("many -> moved")
    tree.link("apart/again", *(f"moved/more-{number}" for number in range(500)))
    yield
    tree.remove("moved/")
    yield


@scenario(LONG, "files at the end of paths as long as the kernel takes")
def paths_near_the_limit(tree):
    folder = b"/".join(bytes([97 + n]) * 200 for n in range(18))
    tree.file(folder + b"/" + b"f" * 200, folder + b"/short")
    yield
    top = b"a" * 200
    os.rename(tree.path(top), tree.path(b"T" * 250))
    longer = b"T" * 250 + folder[200:]
    tree.write(longer + b"/short", 3, b"changed")
    os.mkdir(tree.path(longer + b"/new"))
    yield


@scenario(LONG, "names of 255 bytes, and names that are no UTF-8, when they change places")
def longest_and_odd_names(tree):
    names = [b"x" * 255, b"x" * 254 + b"y", "ü".encode() * 127, b"\xff\xfe\x01", b"new\nline", b" ", b"\\", b"o257-7-0"]
    for number, name in enumerate(names):
        tree.file(name, content=b"%d" % number)
        os.mkdir(tree.path(b"%d" % number + name[:250]))
    yield
    for one, other in zip(names, names[1:]):
        tree.exchange(one, other)
    yield
    for name in names[::2]:
        tree.remove(name)
        os.mkdir(tree.path(name))
    yield

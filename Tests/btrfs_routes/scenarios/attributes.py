"""Attributes, owners, flags, times and kinds."""

import os
import stat

import btrfs_history
from scenarios.scenario import noise, scenario, text

ATTRIBUTES = "attributes and capabilities"
KINDS = "kinds and times"
CAPABILITY = "security.capability"


@scenario(ATTRIBUTES, "the capability of a program whose owner has changed: it would no longer run")
def capability_and_owner(tree):
    for name in ("ping", "other", "plain"):
        tree.file(name)
    os.setxattr(tree.path("ping"), CAPABILITY, btrfs_history.CAPABILITY)
    yield
    os.chown(tree.path("ping"), 0, 4)
    os.setxattr(tree.path("ping"), CAPABILITY, btrfs_history.CAPABILITY)
    os.chown(tree.path("other"), 7, 7)
    yield
    os.chown(tree.path("plain"), 1, 1)
    os.setxattr(tree.path("other"), CAPABILITY, btrfs_history.CAPABILITY)
    os.chown(tree.path("ping"), 9, 9)
    yield


@scenario(ATTRIBUTES, "setuid of a program whose owner has changed")
def privileged_modes(tree):
    for number, mode in enumerate((0o4755, 0o2755, 0o6711, 0o1777)):
        tree.file(f"new-{number}")
        os.chown(tree.path(f"new-{number}"), 3, 3)
        os.chmod(tree.path(f"new-{number}"), mode)
    tree.folder("dir")
    os.chmod(tree.path("dir"), 0o2775)
    yield
    for number, mode in enumerate((0o4755, 0o2755, 0o6711, 0o1777)):
        os.chown(tree.path(f"new-{number}"), 5, 6)
        os.chmod(tree.path(f"new-{number}"), mode)
        tree.write(f"new-{number}", 3, b"written")
        os.chmod(tree.path(f"new-{number}"), mode)
    tree.file("dir/inherits-the-group")
    yield


@scenario(ATTRIBUTES, "attributes longer than any path, and as long as a node takes")
def long_attributes(tree):
    tree.file("f", "g", "h")
    tree.folder("dir")
    for name in ("f", "dir"):
        os.setxattr(tree.path(name), "user.long", noise(5000))
        os.setxattr(tree.path(name), "user." + "n" * 250, noise(100))
    os.setxattr(tree.path("g"), "user.x", noise(16_000))
    yield
    os.setxattr(tree.path("f"), "user.long", noise(9000, 2))
    os.setxattr(tree.path("g"), "user.x", noise(16_100, 3))
    os.setxattr(tree.path("h"), "user.x", noise(16_200, 4))
    os.removexattr(tree.path("dir"), "user.long")
    yield


@scenario(ATTRIBUTES, "many attributes: added, changed, removed, empty, of every kind of file")
def many_attributes(tree):
    tree.file("f")
    tree.folder("dir")
    os.symlink("nowhere", tree.path("link"))
    os.mkfifo(tree.path("fifo"))
    for number in range(60):
        os.setxattr(tree.path("f"), f"user.{number}", noise(number))
    for name in ("dir", "link", "fifo"):
        os.setxattr(tree.path(name), "trusted.x", b"\0\xff", follow_symlinks=False)
    yield
    for number in range(0, 60, 3):
        os.removexattr(tree.path("f"), f"user.{number}")
        os.setxattr(tree.path("f"), f"user.{number + 1}", b"")
    os.setxattr(tree.path("link"), "trusted.x", b"changed", follow_symlinks=False)
    os.removexattr(tree.path("fifo"), "trusted.x", follow_symlinks=False)
    tree.move("f -> dir/f")
    yield


@scenario(ATTRIBUTES, "access lists, and those that a folder hands on: others could read what is new below it")
def access_lists(tree):
    from struct import pack

    def entries(who, rights):
        return pack("<I", 2) + b"".join(pack("<HHI", tag, permissions, number) for tag, permissions, number in (
            (1, 7, 2**32 - 1), (2, rights, who), (4, 5, 2**32 - 1), (16, 7, 2**32 - 1), (32, 0, 2**32 - 1)))

    tree.folder("dir")
    tree.file("f")
    os.setxattr(tree.path("dir"), "system.posix_acl_default", entries(1000, 7))
    os.setxattr(tree.path("f"), "system.posix_acl_access", entries(1001, 6))
    tree.file("dir/inherits")
    tree.folder("dir/sub")
    yield
    os.setxattr(tree.path("f"), "system.posix_acl_access", entries(1002, 4))
    os.removexattr(tree.path("dir"), "system.posix_acl_default")
    tree.file("dir/no-longer", "dir/sub/still")
    os.chmod(tree.path("dir/inherits"), 0o600)
    yield


@scenario(ATTRIBUTES, "file flags: what nobody was to change could be changed")
def file_flags(tree):
    tree.file("immutable", "append", "nodump", "both")
    tree.folder("dir")
    tree.file("dir/inside")
    btrfs_history.alter_flags(tree.path("immutable"), 0x10, 0)
    btrfs_history.alter_flags(tree.path("append"), 0x20, 0)
    btrfs_history.alter_flags(tree.path("nodump"), 0x40 | 0x80, 0)
    btrfs_history.alter_flags(tree.path("dir"), 0x10, 0)
    tree.file("nocow", content=b"")
    btrfs_history.alter_flags(tree.path("nocow"), 0x800000, 0)
    tree.write("nocow", 0, noise(100_000))
    yield
    for name in ("immutable", "append", "dir"):
        btrfs_history.alter_flags(tree.path(name), 0, 0x30)
    tree.write("immutable", 0, b"changed")
    tree.file("dir/new")
    tree.write("nocow", 4096, noise(4096, 2))
    btrfs_history.alter_flags(tree.path("immutable"), 0x10, 0)
    btrfs_history.alter_flags(tree.path("dir"), 0x20, 0)
    yield
    btrfs_history.alter_flags(tree.path("immutable"), 0, 0x10)
    btrfs_history.alter_flags(tree.path("dir"), 0, 0x20)
    tree.move("immutable -> dir/mutable", "dir -> moved")
    tree.remove("append")
    yield


@scenario(ATTRIBUTES, "how a locked file is to be compressed: the kernel forgets it when it is locked",
          mount="compress=lzo")
def locked_and_compressed(tree):
    tree.file("append", "immutable", content=noise(10_000))
    tree.folder("dir")
    for name, method in (("append", b"lzo"), ("immutable", b"zstd"), ("dir", b"lzo")):
        os.setxattr(tree.path(name), "btrfs.compression", method)
    yield
    for name, flags in (("append", 0x20), ("immutable", 0x10), ("dir", 0x10)):
        btrfs_history.alter_flags(tree.path(name), flags, 0)
    yield
    for name in ("append", "dir"):
        btrfs_history.alter_flags(tree.path(name), 0, 0x30)
    tree.write("append", 10_000, noise(10_000, 2))
    tree.file("dir/f")
    for name, flags in (("append", 0x10), ("dir", 0x20)):
        btrfs_history.alter_flags(tree.path(name), flags, 0)
    yield


@scenario(ATTRIBUTES, "that all is well: what links and sockets have of the flags of their folder nobody can set")
def flags_of_links(tree):
    tree.folder("dir")
    os.setxattr(tree.path("dir"), "btrfs.compression", b"zstd")
    os.symlink("nowhere", tree.path("dir/link"))
    os.mknod(tree.path("dir/socket"), stat.S_IFSOCK | 0o600)
    tree.file("dir/f")
    yield
    for name in ("link", "socket"):
        os.chown(tree.path(f"dir/{name}"), 3, 4, follow_symlinks=False)
    yield
    tree.move("dir/link -> link")
    yield


@scenario(ATTRIBUTES, "the compression of a file with many links: the kernel forgets it and flags the file against it")
def compression_of_many_links(tree):
    tree.file("f", content=b"")
    os.setxattr(tree.path("f"), "btrfs.compression", b"zlib")
    tree.link("f", *(f"{number:03}-" + "l" * 200 for number in range(150)))
    yield
    tree.write("f", 0, text(100_000))
    tree.sync()
    yield


@scenario(KINDS, "devices, fifos, sockets and links, and names that are another kind now")
def every_kind(tree):
    def make(names):
        for number, name in enumerate(names):
            path = tree.path(name)
            [lambda: os.mknod(path, stat.S_IFCHR | 0o620, os.makedev(300, 70_000)),
             lambda: os.mknod(path, stat.S_IFBLK | 0o660, os.makedev(8, 1)), lambda: os.mkfifo(path, 0o640),
             lambda: os.mknod(path, stat.S_IFSOCK | 0o700), lambda: os.symlink("y" * 1000, path),
             lambda: os.mkdir(path), lambda: btrfs_history.write_new(path, b"file")][number % 7]()
    names = [f"n{number}" for number in range(7)]
    make(names)
    yield
    tree.remove(*names)
    make(names[3:] + names[:3])
    yield
    for one, other in zip(names, names[1:]):
        tree.exchange(one, other)
    yield


@scenario(KINDS, "times before 1970, after 2106, and of a nanosecond")
def times(tree):
    tree.file("old", "future", "dir/file")
    os.symlink("old", tree.path("link"))
    for name, moment in (("old", -1_000_000_001), ("future", 2**33 * 10**9 + 999_999_999), ("dir", 1), ("link", 7)):
        os.utime(tree.path(name), ns=(moment, moment), follow_symlinks=False)
    yield
    tree.file("dir/another")
    os.utime(tree.path("dir"), ns=(5, 5))
    os.utime(tree.root, ns=(3, 3))
    yield
    os.utime(tree.path("dir/file"), ns=(11, 11))
    yield


@scenario(KINDS, "nothing at all: snapshots of an empty subvolume, and of one in which nothing has changed")
def nothing(tree):
    yield
    yield
    tree.file("f")
    yield
    yield
    tree.remove("f")
    yield

#!/usr/bin/env python3
"""Dumps a cowpath or btrfs send stream, one instruction a line, as `cowpath dump` does.

An independent reader of the format in SPECIFICATION.md: the standard library only, and the `zstd` command for
zstd frames. It reads the whole stream into memory and is made to be read, not to be fast.

Usage: read_stream.py [FILE]      standard input where FILE is left out
"""

import bisect
import datetime
import hashlib
import json
import struct
import subprocess
import sys
import uuid
import zlib

COWPATH_MAGIC = b"\x89COWP\r\n\x1a"
BTRFS_MAGIC = b"btrfs-stream\0"
MAXIMUM_RAW = 4 << 20
MAXIMUM_WRITE = 128 << 10
MAXIMUM_SIZE = (1 << 63) - 1
SNAPSHOT_HEADER, INSTRUCTIONS, SNAPSHOT_TRAILER, INDEX, STREAM_TRAILER, BOOKMARK_INDEX = 1, 2, 3, 4, 5, 6
ROOT_NUMBER = 256
MAKES = {3: "mkfile", 4: "mkdir", 5: "mknod", 6: "mkfifo", 7: "mksock", 8: "symlink"}


class BadStream(Exception):
    pass


# Checks

def make_crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = make_crc_table()


def crc32c_raw(crc, data):
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def crc32c(data):
    return crc32c_raw(0xFFFFFFFF, data) ^ 0xFFFFFFFF


# Text

ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 27: "\\e", 92: "\\\\"}


def escape(data, spaces=True):
    text = ""
    for byte in data:
        if byte in ESCAPES:
            text += ESCAPES[byte]
        elif byte == 32:
            text += "\\ " if spaces else " "
        elif 32 < byte < 127:
            text += chr(byte)
        else:
            text += "\\%03o" % byte
    return text


def time_text(seconds):
    # Years beyond datetime's range do not come from any file system in use.
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") .rjust(19, "0") + "+0000"


def pad(text, width):
    return text + " " * max(1, width - len(text))


def check_path(path, allow_root=True):
    if path == b"":
        if not allow_root:
            raise BadStream("the root cannot be made, moved, removed or written to")
        return path
    names = path.split(b"/")
    bad = any(n in (b"", b".", b"..") or len(n) > 255 or b"\0" in n for n in names)
    if bad or len(path) > 4095:
        raise BadStream("bad path %r" % path)
    return path


class Printer:
    """Prints what either decoder finds; checks what both encodings have in common."""

    def __init__(self):
        self.inside = None
        self.totals = [0, 0, 0]

    def begin(self, header):
        name = header["name"].encode()
        if b"/" in name or name in (b".", b"..", b"") or len(name) > 255 or b"\0" in name:
            raise BadStream("bad snapshot name %r" % name)
        self.inside = header
        self.totals = [0, 0, 0]
        self.prefix = "./" + escape(name) + "/"
        self.plain = "./" + escape(name, False) + "/"
        details = "uuid=%s transid=%d" % (header["uuid"], header["generation"])
        command, base = "subvol", header.get("base")
        if base:
            command = "snapshot"
            details += " parent_uuid=%s parent_transid=%d" % (base["uuid"], base["generation"])
            if base["kind"] == "bookmark":
                details += " base=bookmark"
        details += " bookmark=1" if header.get("bookmark") else ""
        details += " no_data=1" if header.get("withoutData") else ""
        details += " domain=" + header["domain"] if header.get("bookmark") and header.get("domain") else ""
        self.line(command, self.prefix[:-1], details)

    def line(self, command, path, details=""):
        print(pad(command, 16) + (pad(path, 32) + details if details else path))

    def step(self, command, path, details="", root=False):
        if self.inside is None:
            raise BadStream("a step outside a snapshot")
        check_path(path, root)
        self.totals[1] += 1
        self.line(command, self.prefix + escape(path), details)

    def made(self, number, path, inode, generation, mode=0, device=0, target=b""):
        self.totals[0] += 1
        details = []
        if number == 5:
            details.append("mode=%o dev=0x%x" % (mode, device))
        if number == 8:
            details.append("dest=" + escape(target))
        if generation:
            details.append("ino=%d gen=%d" % (inode, generation))
        self.step(MAKES[number], path, " ".join(details))

    def range(self, offset, length):
        if offset > MAXIMUM_SIZE or length > MAXIMUM_SIZE - offset:
            raise BadStream("a range beyond the largest file")

    def write(self, path, offset, data):
        self.range(offset, len(data))
        self.totals[2] += len(data)
        self.step("write", path, "offset=%d len=%d" % (offset, len(data)))

    def encoded(self, path, offset, data, file_length, length, start, encoding):
        if not data or max(len(data), length) > 131072 or start > length or file_length > length - start:
            raise BadStream("lengths of an encoded extent")
        self.range(offset, file_length)
        self.totals[2] += file_length
        text = "offset=%d len=%d, unencoded_file_len=%d, unencoded_len=%d, unencoded_offset=%d, compression=%d"
        self.step("encoded_write", path,
                  text % (offset, len(data), file_length, length, start, encoding) + ", encryption=0")

    def clone(self, path, offset, length, source, source_offset):
        self.range(offset, length)
        self.range(source_offset, length)
        check_path(source, False)
        self.step("clone", path, "offset=%d len=%d from=%s clone_offset=%d" % (
            offset, length, self.plain + escape(source, False), source_offset))

    def times(self, path, times):
        if any(not 0 <= n < 10**9 for _, n in times):
            raise BadStream("nanoseconds")
        self.step("utimes", path, "atime=%s mtime=%s ctime=%s" % tuple(time_text(s) for s, _ in times[:3]), True)

    def attribute(self, path, name, value=None):
        if not 1 <= len(name) <= 255 or b"\0" in name:
            raise BadStream("the name of an extended attribute")
        text = "name=" + escape(name, False)
        if value is None:
            return self.step("remove_xattr", path, text, True)
        if len(value) > 65536:
            raise BadStream("the value of an extended attribute")
        self.step("set_xattr", path, "%s data=%s len=%d" % (text, escape(value, False), len(value)), True)

    def extent(self, path, offset, length, content=""):
        self.range(offset, length)
        self.step("update_extent", path, "offset=%d len=%d%s" % (offset, length, content))

    def verity(self, path, algorithm, block, salt, signature):
        if len(salt) > 32 or len(signature) > 16128:
            raise BadStream("a salt or signature of fs-verity")
        self.step("enable_verity", path, "algorithm=%d block_size=%d salt_len=%d sig_len=%d" % (
            algorithm, block, len(salt), len(signature)))


class Cursor:
    def __init__(self, data, position=0):
        self.data, self.position = data, position

    def at_end(self):
        return self.position >= len(self.data)

    def take(self, count):
        if count > len(self.data) - self.position:
            raise BadStream("cut at byte %d: %d bytes wanted" % (self.position, count))
        piece = self.data[self.position:self.position + count]
        self.position += count
        return piece

    def unpack(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >> 64 or (byte == 0 and shift):
                    raise BadStream("a number that is too long")
                return value
            shift += 7
            if shift > 63:
                raise BadStream("a number of more than 64 bits")

    def counted(self):
        return self.take(self.varint())

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)


# The cowpath encoding

class Steps(Cursor):
    """The instructions of one frame."""

    def __init__(self, raw, printer, frame=0, names=None):
        """`names`: where to keep, by place, the steps that make names: (number, path, inode or first name)."""
        super().__init__(raw)
        self.out, self.previous = printer, b""
        self.frame, self.names = frame, names

    def path(self):
        shared = self.varint()
        if shared > len(self.previous):
            raise BadStream("a path shares more than there is")
        self.previous = check_path(self.previous[:shared] + self.counted())
        return self.previous

    def run(self):
        while not self.at_end():
            self.start = self.position
            self.step(self.take(1)[0], self.path())

    def name(self, number, path, what):
        if self.names is not None:
            self.names[self.frame, self.start] = number, path, what

    def step(self, number, path):
        out, v = self.out, self.varint
        if number in MAKES:
            inode, generation = v(), v()
            self.name(number, path, inode)
            mode = device = 0
            target = b""
            if number == 5:
                mode, device = v(), v()
            elif number == 8:
                target = self.counted()
            out.made(number, path, inode, generation, mode, device, target)
        elif number == 9:
            out.step("rename", path, "dest=" + out.prefix + escape(check_path(self.path(), False)))
        elif number == 10:
            existing = check_path(self.path(), False)
            self.name(number, path, existing)
            out.step("link", path, "dest=" + escape(existing))
        elif number == 11:
            out.step("unlink", path)
        elif number == 12:
            out.step("rmdir", path)
        elif number == 13:
            name = self.counted()
            out.attribute(path, name, self.counted())
        elif number == 14:
            out.attribute(path, self.counted())
        elif number == 15:
            offset = v()
            data = self.counted()
            if len(data) > MAXIMUM_WRITE:
                raise BadStream("a long write")
            out.write(path, offset, data)
        elif number == 16:
            offset, length, tag = v(), v(), self.take(1)[0]
            if tag > 2:
                raise BadStream("a clone's source")
            if tag == 2:
                self.take(16)
                v()
            source = self.path()
            out.clone(path, offset, length, source, v())
        elif number == 17:
            size = v()
            out.range(size, 0)
            out.step("truncate", path, "size=%d" % size)
        elif number == 18:
            out.step("chmod", path, "mode=%o" % v(), True)
        elif number == 19:
            owner, group = v(), v()
            out.step("chown", path, "gid=%d uid=%d" % (group, owner), True)
        elif number == 20:
            count = 3 + self.take(1)[0]
            out.times(path, [(self.zigzag(), v()) for _ in range(count)])
        elif number == 22:
            offset, length = v(), v()
            out.extent(path, offset, length, self.content())
        elif number == 23:
            mode, offset, length = v(), v(), v()
            out.range(offset, length)
            out.step("fallocate", path, "mode=%d offset=%d len=%d" % (mode, offset, length))
        elif number == 24:
            out.step("fileattr", path, "fileattr=0x%x" % v(), True)
        elif number == 25:
            offset, encoding, length, start, file_length = v(), v(), v(), v(), v()
            out.encoded(path, offset, self.counted(), file_length, length, start, encoding)
        elif number == 26:
            algorithm, block, salt = v(), v(), self.counted()
            out.verity(path, algorithm, block, salt, self.counted())
        else:
            raise BadStream("unknown instruction %d" % number)

    def content(self):
        tag = self.take(1)[0]
        if tag == 2:
            return " content=data address=%d gen=%d extent_offset=%d" % (
                self.varint(), self.varint(), self.varint())
        return {0: "", 1: " content=data", 3: " content=inline", 4: " content=preallocated"}[tag]


def open_frame(codec, stored, raw_length):
    if codec == 0:
        raw = stored
    elif codec == 1:
        engine = zlib.decompressobj()
        raw = engine.decompress(stored, raw_length)
        if not engine.eof and engine.decompress(engine.unconsumed_tail, 1):
            raise BadStream("a frame decompresses to more than it says")
    else:
        command = subprocess.Popen(["zstd", "-dcq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        raw, _ = command.communicate(stored)
        if command.returncode:
            raise BadStream("a frame cannot be decompressed")
    if len(raw) != raw_length:
        raise BadStream("a frame of %d bytes that should have %d" % (len(raw), raw_length))
    return raw


def check_bookmark_index(raw, names):
    """Compares the index of a bookmark with the steps that it is about."""
    def directory(path):
        return path.rpartition(b"/")[0]

    def expect(holds):
        if not holds:
            raise BadStream("the index of a bookmark does not agree with its steps")

    def place(last):
        frames, position = cursor.varint(), cursor.varint()
        return last[0] + frames, position + (0 if frames else last[1])

    cursor, paths, first_blocks, files = Cursor(raw), [], [], []
    number, told, lies = 0, (0, 0), (0, 0)
    for block in range(cursor.varint()):
        number = (number + cursor.zigzag()) % (1 << 64)
        distance = cursor.varint()
        if block == 0 or distance:
            told = place(told)
            cursor.varint()
            first_blocks.append(block)
        if block == 0:
            expect(number == ROOT_NUMBER and distance == 0 and told == (0, 0))
            paths.append(b"")
        elif distance == 0:
            paths.append(paths[-1])
        else:
            kind, path, inode = names[told]
            expect((kind, inode) == (4, number) and directory(path) == paths[block - distance])
            expect(block - distance in first_blocks)
            paths.append(path)
        lies = place(lies)
        files.append(lies)
    for where, (kind, path, _) in names.items():
        if kind != 4:
            expect(directory(path) == paths[bisect.bisect(files, where) - 1])
    number = block = 0
    found = {}
    for _ in range(cursor.varint()):
        first, count = number + cursor.varint(), cursor.varint() + 1
        block, number = block + cursor.zigzag(), first + count
        found.update((n, paths[block]) for n in range(first, number))
    made = {n: path for kind, path, n in names.values() if kind != 10 and kind != 4}
    expect(found == {n: directory(path) for n, path in made.items()})
    number = block = 0
    further = []
    for _ in range(cursor.varint()):
        block, number = block + cursor.varint(), (number + cursor.zigzag()) % (1 << 64)
        further.append((paths[block], made[number]))
    expect(further == [(directory(path), first) for kind, path, first in names.values() if kind == 10])
    expect(cursor.at_end())


def read_cowpath(data, out):
    start = Cursor(data)
    preamble = start.take(32)
    _, version, required, _, check = struct.unpack("<8sIQQI", preamble)
    if crc32c(preamble[:28]) != check:
        raise BadStream("the stream header is damaged")
    if version != 1 or required & ~1:
        raise BadStream("unknown version or required feature")
    sequence = snapshots = frames = index_offset = 0
    digest, bookmark_index = hashlib.sha256(), b""
    while True:
        offset = start.position
        head = start.take(32)
        magic, kind, codec, reserved, number, stored_length, raw_length, stored_check, check = struct.unpack(
            "<4sBBHQIIII", head)
        if magic != b"CPFR" or crc32c(head[:28]) != check or kind not in range(1, 7) or codec > 2 or reserved:
            raise BadStream("frame header at byte %d" % offset)
        if number != sequence:
            raise BadStream("frame %d where %d should be" % (number, sequence))
        if raw_length > MAXIMUM_RAW or stored_length > raw_length or (codec == 0 and stored_length != raw_length):
            raise BadStream("lengths of frame %d" % number)
        stored = start.take(stored_length)
        if crc32c(stored) != stored_check:
            raise BadStream("frame %d is damaged" % number)
        raw = open_frame(codec, stored, raw_length)
        sequence += 1
        if (kind not in (INSTRUCTIONS, SNAPSHOT_TRAILER)) == (out.inside is not None):
            raise BadStream("frame %d does not belong here" % number)
        if kind == SNAPSHOT_HEADER:
            if raw_length > 1 << 20:
                raise BadStream("a long header")
            digest, frames, names = hashlib.sha256(head + stored), 0, {}
            header = json.loads(raw)
            header["uuid"] = str(uuid.UUID(header["uuid"]))
            out.begin(header)
        elif kind == INSTRUCTIONS:
            digest.update(head + stored)
            Steps(raw, out, frames, names if required & 1 else None).run()
            frames += 1
        elif kind == SNAPSHOT_TRAILER:
            if raw != struct.pack("<QQQQ", *out.totals, frames) + digest.digest():
                raise BadStream("a snapshot does not agree with its trailer")
            out.inside = None
            snapshots += 1
        elif kind == INDEX:
            index_offset = offset
        elif kind == BOOKMARK_INDEX:
            if not required & 1:
                raise BadStream("the index of a bookmark that was not announced")
            bookmark_index += raw
        else:
            if bookmark_index:
                try:
                    check_bookmark_index(bookmark_index, names)
                except (KeyError, IndexError):
                    raise BadStream("the index of a bookmark does not agree with its steps")
            if raw != struct.pack("<QQQ", snapshots, number, index_offset):
                raise BadStream("the stream does not agree with its trailer")
            if not start.at_end():
                raise BadStream("bytes behind the end")
            return


# The btrfs encoding

FILE_FLAGS = [(1 << 1, 0x800000), (1 << 3, 0x400), (1 << 5, 8), (1 << 6, 0x10), (1 << 7, 0x20), (1 << 8, 0x40),
              (1 << 9, 0x80), (1 << 10, 0x10000), (1 << 11, 4)]


def attributes(payload, version):
    cursor, found = Cursor(payload), {}
    while not cursor.at_end():
        (number,) = cursor.unpack("H")
        if not 1 <= number <= 35 or number in found:
            raise BadStream("attribute %d" % number)
        if number == 19 and version >= 2:
            length = len(payload) - cursor.position
        else:
            (length,) = cursor.unpack("H")
        found[number] = cursor.take(length)
    return found


def read_btrfs(data, out):
    cursor, version, ended = Cursor(data), 0, True
    while not (ended and version and cursor.at_end()):
        if ended and data.startswith(BTRFS_MAGIC, cursor.position):
            cursor.take(len(BTRFS_MAGIC))
            (version,) = cursor.unpack("I")
            if not 1 <= version <= 3:
                raise BadStream("protocol %d" % version)
            ended = False
            continue
        length, number, check = cursor.unpack("IHI")
        if length > 4 << 20:
            raise BadStream("a long command")
        payload = cursor.take(length)
        if crc32c_raw(0, struct.pack("<IHI", length, number, 0) + payload) != check:
            raise BadStream("a damaged command")
        ended = number == 21
        if ended:
            out.inside = None
        else:
            btrfs_command(number, attributes(payload, version), out)


def btrfs_command(number, found, out):
    def u(key, default=None):
        value = found.get(key)
        if value is None:
            if default is None:
                raise BadStream("command %d lacks attribute %d" % (number, key))
            return default
        return int.from_bytes(value, "little")

    def time(key):
        return struct.unpack("<qI", found[key])

    path = found[15]
    if number in (1, 2):
        header = {"name": path.decode(), "uuid": str(uuid.UUID(bytes=found[1])), "generation": u(2)}
        if number == 2:
            header["base"] = {"kind": "parent", "uuid": str(uuid.UUID(bytes=found[20])), "generation": u(21)}
        out.begin(header)
    elif number in MAKES:
        out.made(number, path, u(3, 0), 0, u(5, 0), u(8, 0), found.get(17, b""))
    elif number == 9:
        out.step("rename", path, "dest=" + out.prefix + escape(check_path(found[16], False)))
    elif number == 10:
        out.step("link", path, "dest=" + escape(check_path(found[17], False)))
    elif number == 11:
        out.step("unlink", path)
    elif number == 12:
        out.step("rmdir", path)
    elif number == 13:
        out.attribute(path, found[13], found[14])
    elif number == 14:
        out.attribute(path, found[13])
    elif number == 15:
        data = found[19]
        for start in range(0, len(data), MAXIMUM_WRITE) or [0]:
            out.write(path, u(18) + start, data[start:start + MAXIMUM_WRITE])
    elif number == 16:
        out.clone(path, u(18), u(24), found[22], u(23))
    elif number == 17:
        out.range(u(4), 0)
        out.step("truncate", path, "size=%d" % u(4))
    elif number == 18:
        out.step("chmod", path, "mode=%o" % (u(5) & 0o7777), True)
    elif number == 19:
        out.step("chown", path, "gid=%d uid=%d" % (u(7), u(6)), True)
    elif number == 20:
        out.times(path, [time(11), time(10), time(9)])
    elif number == 22:
        out.extent(path, u(18), u(4))
    elif number == 23:
        out.range(u(18), u(4))
        out.step("fallocate", path, "mode=%d offset=%d len=%d" % (u(25), u(18), u(4)))
    elif number == 24:
        shown = sum(bit for stored, bit in FILE_FLAGS if u(26) & stored)
        out.step("fileattr", path, "fileattr=0x%x" % shown, True)
    elif number == 25:
        out.encoded(path, u(18), found[19], u(27), u(28), u(29), u(30, 0))
    elif number == 26:
        out.verity(path, u(32), u(33), found.get(34, b""), found.get(35, b""))
    else:
        raise BadStream("unknown command %d" % number)


def main():
    with open(sys.argv[1], "rb") if len(sys.argv) > 1 else sys.stdin.buffer as source:
        data = source.read()
    try:
        if data.startswith(COWPATH_MAGIC):
            read_cowpath(data, Printer())
        elif data.startswith(BTRFS_MAGIC):
            read_btrfs(data, Printer())
        else:
            raise BadStream("this is neither a cowpath nor a btrfs send stream")
    except (BadStream, KeyError, struct.error, ValueError) as error:
        sys.stdout.flush()
        sys.exit("read_stream: %s" % error)


if __name__ == "__main__":
    main()

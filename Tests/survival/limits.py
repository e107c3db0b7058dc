"""What a process may not do or have: directories that it cannot read, few descriptors, little memory."""

import os
import re
import resource
import shutil
import struct
import subprocess

from common import PATIENCE, make_tree

FORM = re.compile(r"^cowpath: [^\n]+, [^\n]+: [^\n]+\n$")
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


# MARK: Directories that cannot be read


def as_nobody(suite, *arguments, cwd):
    done = subprocess.run(
        [*NOBODY, suite.cowpath, *arguments], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def unreadable(suite, work):
    """What lies in a directory that cannot be read stays as it was in the snapshot before, and is told of."""
    if not shutil.which("setpriv"):
        return print("  unreadable directories: skipped: needs setpriv")
    what = "import of what cannot be read"
    home = f"{work}/home"
    os.makedirs(home)
    make_tree(f"{home}/tree", seed=3)
    subprocess.run(["chown", "-R", "65534:65534", home], check=True)
    for arguments in ["create vol", "import tree vol/d@one"]:
        status, _, error = as_nobody(suite, *arguments.split(), cwd=home)
        suite.check(status == 0, f"{what}: {arguments}", error)
    shutil.copytree(f"{home}/tree", f"{home}/was", symlinks=True)
    os.chmod(f"{home}/tree/d1", 0)
    os.remove(f"{home}/tree/d2/e0/f6")
    os.remove(f"{home}/was/d2/e0/f6")
    for name in ["two", "three"]:
        status, _, error = as_nobody(suite, "import", "tree", f"vol/d@{name}", cwd=home)
        suite.check(status == 2 and "unreadable" in error and "d1" in error, f"{what}: it says so", error)
        back = f"{home}/back-{name}"
        suite.expect(what, "restore", f"vol/d@{name}", back, cwd=home)
        suite.same(what, "was", back, home)
    status, output, error = as_nobody(suite, "diff", "tree", "vol/d@two", cwd=home)
    suite.check("d1/" not in output, f"{what}: diff tells of nothing that it has not seen", output + error)
    status, _, error = as_nobody(suite, "import", "tree", "vol/new@one", cwd=home)
    suite.check(status == 2 and "d1" in error, f"{what}: the first time", error)
    os.chmod(f"{home}/tree/d1", 0o755)
    suite.check(as_nobody(suite, "import", "tree", "vol/d@four", cwd=home)[0] == 0, f"{what}: readable again")
    suite.expect(what, "restore", "vol/d@four", f"{home}/back-four", cwd=home)
    suite.same(what, "tree", "back-four", home)
    suite.is_sound("vol", what, home)


# MARK: Few descriptors


def deep_and_wide(place):
    for number in range(30):
        os.makedirs(f"{place}/w{number}")
        for file in range(5):
            with open(f"{place}/w{number}/f{file}", "w") as written:
                written.write(f"{number} {file}" * 1000)
    folder = place
    for number in range(60):
        folder += "/d"
        for side in range(3):
            os.makedirs(f"{folder}/s{side}")
            with open(f"{folder}/s{side}/g", "w") as written:
                written.write("y" * number)
    with open(f"{place}/large", "wb") as written:
        written.write(bytes(range(256)) * 12_000)


# Name of what is made, and how; each begins with an empty volume `vol` and the directories `copies` and `mirror`.
COMMANDS = [
    ("made", "create made"),
    ("vol/d@one", "import tree vol/d@one"),
    ("sent", "send -f sent full/d@one"),
    ("vol/r@one", "receive -f full.stream vol/r"),
    ("copies/one", "receive -f full.stream copies"),
    ("mirror", "receive --mirror -f full.stream mirror"),
    ("back", "restore full/d@one back"),
    (None, "diff tree full/d@one"),
    (None, "check --read-data full"),
]


def few_descriptors(suite, work):
    """With any number of descriptors a command does all or nothing, and says what it lacks."""
    work = f"{work}/few"
    deep_and_wide(f"{work}/tree")
    for arguments in ["create full", "import tree full/d@one", "send -f full.stream full/d@one", "create empty"]:
        suite.expect("few descriptors", *arguments.split(), cwd=work)
    few = 10
    counts = [*range(few, 34, 1 if suite.thorough else 3), 48, 64, 128, 400]
    for made, arguments in COMMANDS:
        fitted = [count for count in counts if with_descriptors(suite, work, count, made, arguments)]
        suite.check(fitted and fitted[-1] == counts[-1], f"{arguments}: {counts[-1]} descriptors are enough", fitted)


def with_descriptors(suite, work, count, made, arguments):
    """One command with so few descriptors; whether they were enough."""
    for name in ["vol", "copies", "mirror", "back", "made"]:
        shutil.rmtree(f"{work}/{name}", ignore_errors=True)
    shutil.copytree(f"{work}/empty", f"{work}/vol")
    for name in ["copies", "mirror"]:
        os.mkdir(f"{work}/{name}")
    if os.path.exists(f"{work}/sent"):
        os.remove(f"{work}/sent")
    before = set(os.listdir(work))
    done = subprocess.run(
        [suite.cowpath, *arguments.split()], cwd=work, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count)))
    what = f"{arguments} with {count} descriptors"
    error = done.stderr.decode(errors="replace")
    if done.returncode == 0:
        is_made(suite, what, work, made)
        return True
    if suite.check(done.returncode == 1 and FORM.match(error) and "ulimit -n" in error, f"{what}: the error",
                   f"exit status {done.returncode}\n{error}"):
        suite.note(what, error)
    suite.is_sound("vol", what, work, settled=False)
    listed = suite.expect(what, "list", "vol", cwd=work)
    suite.check("@" not in listed, f"{what}: no snapshot is half-made", listed)
    seen = [name for folder in ["copies", "mirror"] for name in os.listdir(f"{work}/{folder}") if name[0] != "."]
    seen += [name for name in set(os.listdir(work)) - before if name[0] != "."]
    # A volume without its marker is none, and is made anew by the same command.
    seen = [name for name in seen if name not in ("made", "mirror.cowpath")]
    suite.check(not seen, f"{what}: nothing half-made is seen", seen)
    partial = [name for folder in [".", "copies"] for name in os.listdir(f"{work}/{folder}") if "partial" in name]
    suite.check(len(partial) <= 1, f"{what}: it is tried once", len(partial))
    if made:
        suite.expect(f"{what}, then enough", *arguments.split(), cwd=work)
        is_made(suite, f"{what}, then enough", work, made)
    return False


def is_made(suite, what, work, made):
    if made and "@" in made:
        suite.is_sound("vol", what, work)
        suite.restores(what, made, "tree", work)
    elif made in ("copies/one", "mirror", "back"):
        suite.same(what, "tree", made, work)
        left = [name for folder in [".", "copies"] for name in os.listdir(f"{work}/{folder}") if "partial" in name]
        suite.check(not left, f"{what}: nothing hidden is left", left)
    elif made == "sent":
        suite.expect(what, "verify", "sent", cwd=work)
    elif made:
        suite.is_sound(made, what, work)


# MARK: Little memory


def tiny_writes(count):
    """A btrfs stream of one file, written four bytes at a time with holes between, so that no two are neighbours."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)

    def checked(number, body):
        header = struct.pack("<IHI", len(body), number, 0)
        check = 0
        for byte in header + body:
            check = table[(check ^ byte) & 255] ^ check >> 8
        return check, header[:6], body

    def command(number, body):
        check, header, body = checked(number, body)
        return header + struct.pack("<I", check) + body

    def attribute(number, value):
        return struct.pack("<HH", number, len(value)) + value

    yield b"btrfs-stream\0" + struct.pack("<I", 1)
    yield command(1, attribute(15, b"tiny") + attribute(1, bytes(range(16))) + attribute(2, struct.pack("<Q", 7)))
    yield command(3, attribute(15, b"f") + attribute(3, struct.pack("<Q", 257)))
    # What each byte of an offset and of data adds to the check of a write, which is linear.
    body = attribute(15, b"f") + attribute(18, bytes(8)) + attribute(19, bytes(4))
    check, header, _ = checked(15, body)
    places = [len(body) - 16 + place for place in range(4)] + [len(body) - 4 + place for place in range(4)]
    added = [
        [checked(15, body[:place] + bytes([value]) + body[place + 1:])[0] ^ check for value in range(256)]
        for place in places]
    written = bytearray()
    for number in range(count):
        offset, data = struct.pack("<Q", number * 8), struct.pack("<I", number * 2_654_435_761 % 2**32)
        total = check
        for changes, byte in zip(added, offset[:4] + data):
            total ^= changes[byte]
        written += header + struct.pack("<I", total) + body[:-16] + offset + body[-8:-4] + data
        if len(written) > 1 << 20:
            yield bytes(written)
            written.clear()
    yield bytes(written)
    yield command(21, b"")


def peak_memory(suite, what, work, arguments):
    """Runs the program, which must succeed; gives the most memory that it had, in MiB."""
    process = subprocess.Popen(
        [suite.cowpath, *arguments.split()], cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    suite.check(process.returncode == 0, f"{what}: {arguments}", process.returncode)
    return usage.ru_maxrss >> 10


def little_memory(suite, work):
    """However many pieces a file is in, memory is what it is for any stream."""
    what = "a file of tiny pieces"
    work = f"{work}/tiny"
    os.makedirs(f"{work}/copies")
    with open(f"{work}/tiny.stream", "wb") as stream:
        for piece in tiny_writes(1_000_000 if suite.thorough else 400_000):
            stream.write(piece)
    suite.expect(what, "create", "vol", cwd=work)
    for arguments in [
        "receive -f tiny.stream vol/d", "receive -f tiny.stream copies", "send -f sent vol/d@tiny",
        "send -q --format btrfs -f sent.btrfs vol/d@tiny", "restore vol/d@tiny back",
    ]:
        peak = peak_memory(suite, what, work, arguments)
        suite.check(peak <= 100, f"{what}: {arguments} takes at most 100 MiB", f"{peak} MiB")
    suite.same(what, "copies/tiny", "back", work)


def test(suite, work):
    os.makedirs(work)
    unreadable(suite, work)
    few_descriptors(suite, work)
    little_memory(suite, work)

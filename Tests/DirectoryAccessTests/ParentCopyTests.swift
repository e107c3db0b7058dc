import DirectoryAccess
import Foundation
import SnapshotModel
import Testing

/// Incremental snapshots, which start from a copy of their parent and must leave it alone.
@Suite struct ParentCopyTests {
    @Test(arguments: ["/tmp", "/dev/shm"])
    func `a snapshot on hard links leaves its parent as it was`(_ parent: String) throws {
        try check(in: Scratch(in: parent))
    }

    @Test(.enabled(if: Shell.isRoot, "a loop device needs root"))
    func `a snapshot on reflinks leaves its parent as it was`() throws {
        let scratch = try Scratch()
        try scratch.run("truncate -s 300M image; mkfs.btrfs -q image; mkdir mnt; mount -o loop image mnt")
        defer { _ = try? scratch.run("umount mnt") }
        try check(in: Scratch(in: scratch("mnt")), canReflink: true)
    }

    private func check(in scratch: Scratch, canReflink: Bool = false) throws {
        try TreeOfEverything.make("tree", in: scratch)
        try scratch.run("mkdir received")
        let first = SnapshotReference(uuid: .random(), generation: 1)
        let target = try DirectoryTarget(mode: .snapshots(in: scratch("received")))
        try PlainSender.send(try DirectoryTree(path: scratch("tree")), to: target, name: "one", as: first)
        let before = try Shell.fingerprint(scratch("received/one"), links: false)
        #expect(Set(before).symmetricDifference(try Shell.fingerprint(scratch("tree"), links: false)) == [])

        let second = SnapshotReference(uuid: .random(), generation: 2)
        try target.begin(SnapshotHeader(name: "copy", snapshot: second, base: .parent(first)))
        try target.finish()
        #expect(try Shell.fingerprint(scratch("received/copy"), links: false) == before)
        #expect(try scratch.run("stat -c %h received/copy/link-three") == "3\n")

        let third = SnapshotReference(uuid: .random(), generation: 3)
        try target.begin(SnapshotHeader(name: "changed", snapshot: third, base: .parent(second)))
        for instruction in try changes(from: second) { try target.apply(instruction) }
        try target.finish()
        #expect(try Shell.fingerprint(scratch("received/one"), links: false) == before)
        #expect(try Shell.fingerprint(scratch("received/copy"), links: false) == before)
        if Shell.isRoot { #expect(target.losses.isEmpty) }

        try applyByHand("tree", in: scratch)
        let received = try Shell.fingerprint(scratch("received/changed"), links: false)
        let expected = try Shell.fingerprint(scratch("tree"), links: false)
        #expect(Set(received).symmetricDifference(expected) == [])
        #expect(try scratch.run("cd received/changed; stat -c %h link-three sticky/linked") == "3\n2\n")
        #expect(try scratch.run("stat -c %h received/one/setuid") == (canReflink ? "1\n" : "3\n"))
    }

    /// Each way in which a change to a shared inode could show in the parent.
    private func changes(from parent: SnapshotReference) throws -> [Instruction] {
        let stamp = Timestamp(seconds: 1_234_567_890, nanoseconds: 5)
        let times = FileTimes(accessed: stamp, modified: stamp, changed: stamp)
        let note = Array("user.note".utf8)
        return try [
            .write(path("a/b/large"), offset: 1_000_000, data: [1, 2, 3]),
            .setTimes(path("a/b/large"), times),
            .changeMode(path("setgid"), permissions: 0o600),
            .setTimes(path("setgid"), times),
            .setExtendedAttribute(path("sparse"), ExtendedAttribute(name: note, value: [65])),
            .removeExtendedAttribute(path("a/hello"), name: note),
            .truncate(path("a/empty-file"), size: 10),
            .setTimes(path("a/empty-file"), times),
            .setTimes(path("all-hole"), times),
            .write(path("a/b/link-two"), offset: 0, data: [88]),
            .setTimes(path("link-three"), times),
            .rename(path("unreadable-mode"), to: path("sticky/moved")),
            .link(path("sticky/linked"), to: path("sticky/moved")),
            .rename(path("with space"), to: path("empty/inside")),
            .unlink(path("short")),
            .makeFile(path("short"), InodeIdentity(number: InodeNumber(9))),
            .clone(
                path("short"), offset: 0, length: 5,
                from: CloneSource(snapshot: parent, path: path("a/hello"), offset: 0)),
            .changeMode(path("short"), permissions: 0o644),
            .setTimes(path("short"), times),
            .setTimes(path("sticky"), times),
            .setTimes(path("empty"), times),
            .setTimes(.root, times),
        ]
    }

    /// The same with other tools.
    private func applyByHand(_ name: String, in scratch: Scratch) throws {
        try scratch.run(
            """
            cd '\(name)'
            stamp='2009-02-13 23:31:30.000000005 UTC'
            printf '\\001\\002\\003' | dd of=a/b/large bs=1 seek=1000000 conv=notrunc status=none
            chmod 600 setgid
            setfattr -n user.note -v A sparse
            setfattr -x user.note a/hello
            truncate -s 10 a/empty-file
            printf X | dd of=a/b/link-two conv=notrunc status=none
            mv unreadable-mode sticky/moved; ln sticky/moved sticky/linked
            mv 'with space' empty/inside
            rm short; printf hello > short; chmod 644 short
            touch -d "$stamp" a/b/large setgid a/empty-file all-hole link-three short
            touch -d "$stamp" sticky empty .
            """)
    }
}

import BtrfsAccess
import DirectoryAccess
import Foundation
import SnapshotModel
import SnapshotTesting
import SystemCalls
import Testing

/// Snapshots received onto a mounted btrfs.
@Suite(.enabled(if: LoopBtrfs.obstacle == nil, "\(LoopBtrfs.obstacle ?? "")")) struct TargetTests {
    private static let one = SnapshotReference(uuid: SnapshotUUID(high: 1, low: 1), generation: 11)
    private static let two = SnapshotReference(uuid: SnapshotUUID(high: 1, low: 2), generation: 12)

    private func path(_ text: String) throws -> RelativePath { try RelativePath(validating: text.utf8) }

    private func file(_ name: String, _ text: String) throws -> [Instruction] {
        let inode = InodeIdentity(number: InodeNumber(300))
        return [
            .makeFile(try path(name), inode), .write(try path(name), offset: 0, data: Array(text.utf8)[...]),
            .changeMode(try path(name), permissions: 0o640),
        ]
    }

    @discardableResult
    private func receive(
        _ name: String, _ reference: SnapshotReference, from base: SnapshotReference? = nil,
        _ steps: [Instruction], into place: String
    ) throws -> DirectoryTarget {
        let target = DirectoryTarget(destination: try SubvolumeDestination(path: place, isStrict: true))
        do {
            try target.begin(
                SnapshotHeader(name: name, snapshot: reference, base: base.map { .parent($0) } ?? .none))
            for step in steps { try target.apply(step) }
            try target.finish()
        } catch {
            target.abandon()
            throw error
        }
        return target
    }

    private func subvolume(_ path: String) throws -> Subvolume {
        try Subvolume(of: Descriptor.open(path, flags: OpenFlags.readDirectory))
    }

    private func contents(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func `a received snapshot is a read-only subvolume that knows what it was sent as`() throws {
        let disk = try LoopBtrfs()
        try receive("a", Self.one, try file("f", "first"), into: disk.path)
        let received = try subvolume(disk("a"))
        #expect(received.isReadOnly)
        #expect(received.receivedUUID == Self.one.uuid)
        #expect(received.sentGeneration == Self.one.generation)
        try receive("b", Self.two, from: Self.one, try file("g", "second"), into: disk.path)
        #expect(try subvolume(disk("b")).parentUUID == received.uuid)
        #expect(try contents(disk("b/f")) == "first" && contents(disk("b/g")) == "second")
        #expect(!FileManager.default.fileExists(atPath: disk("a/g")))
    }

    @Test func `a base elsewhere on the file system is found, in a directory that no path of the target leads to`()
        throws
    {
        let disk = try LoopBtrfs()
        for name in ["here", "there"] {
            try FileManager.default.createDirectory(atPath: disk(name), withIntermediateDirectories: false)
        }
        try receive("a", Self.one, try file("f", "first"), into: disk("there"))
        try receive("b", Self.two, from: Self.one, [], into: disk("here"))
        #expect(try contents(disk("here/b/f")) == "first")
    }

    @Test func `a base that was made writable is refused, and nothing is left`() throws {
        let disk = try LoopBtrfs()
        try receive("a", Self.one, try file("f", "first"), into: disk.path)
        try Descriptor.open(disk("a"), flags: OpenFlags.readDirectory).setReadOnly(false)
        let error = #expect(throws: SnapshotError.self) {
            try receive("b", Self.two, from: Self.one, [], into: disk.path)
        }
        #expect(error?.code == .datasetChanged)
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path) == ["a"])
    }

    @Test func `what fails leaves no subvolume, and what was killed is removed by the next, unless it is in work`()
        throws
    {
        let disk = try LoopBtrfs()
        #expect(throws: SnapshotError.self) {
            try receive("a", Self.one, try file("f", "first") + [.unlink(try path("nothing"))], into: disk.path)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).isEmpty)
        for name in [".cowpath-partial-left", ".cowpath-partial-work"] {
            try LoopBtrfs.run("btrfs", ["-q", "subvolume", "create", disk(name)])
            try Data("x".utf8).write(to: URL(filePath: disk(name) + "/f"))
        }
        try LoopBtrfs.run("btrfs", ["property", "set", disk(".cowpath-partial-left"), "ro", "true"])
        let inWork = try Descriptor.open(disk(".cowpath-partial-work"), flags: OpenFlags.readDirectory)
        try inWork.lock()
        try receive("a", Self.one, try file("f", "first"), into: disk.path)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: disk.path).sorted() == [".cowpath-partial-work", "a"])
        #expect(try inWork.status().isDirectory)
    }

    @Test func `a clone reaches neither a writable subvolume nor one that lies in its source`() throws {
        let disk = try LoopBtrfs()
        try LoopBtrfs.run("btrfs", ["-q", "subvolume", "create", disk("outer")])
        try LoopBtrfs.run("btrfs", ["-q", "subvolume", "create", disk("outer/inner")])
        for name in ["outer/f", "outer/inner/f"] {
            try Data(repeating: 0x41, count: 8192).write(to: URL(filePath: disk(name)))
        }
        let reference = try subvolume(disk("outer")).reference
        func clone(_ source: String) throws -> [Instruction] {
            try file("g", "") + [
                .clone(
                    try path("g"), offset: 0, length: 8192,
                    from: CloneSource(snapshot: reference, path: try path(source), offset: 0))
            ]
        }
        let writable = #expect(throws: SnapshotError.self) {
            try receive("a", Self.one, try clone("f"), into: disk.path)
        }
        #expect(writable?.code == .datasetChanged)
        try LoopBtrfs.run("btrfs", ["property", "set", disk("outer"), "ro", "true"])
        let nested = #expect(throws: SnapshotError.self) {
            try receive("a", Self.one, try clone("inner/f"), into: disk.path)
        }
        #expect(nested?.code == .invalidInstruction)
        try receive("a", Self.one, try clone("f"), into: disk.path)
        #expect(try contents(disk("a/g")) == String(repeating: "A", count: 8192))
    }

    @Test func `a file is to be compressed as it was when nobody may change it any longer`() throws {
        let disk = try LoopBtrfs()
        let name = Array("btrfs.compression".utf8)
        let compression = ExtendedAttribute(name: name, value: Array("lzo".utf8))
        try receive(
            "a", Self.one,
            try file("f", "first") + [
                .setExtendedAttribute(try path("f"), compression), .setFlags(try path("f"), flags: 0x4 | 0x10),
            ], into: disk.path)
        let received = try Descriptor.open(disk("a/f"), flags: OpenFlags.read)
        #expect(try received.attribute(name) == compression.value)
        #expect(try received.flags() == 0x4 | 0x10)
    }

    @Test func `a file that nobody may change is changed by a stream, and is such a one afterwards`() throws {
        let disk = try LoopBtrfs()
        let immutable: UInt64 = 0x10
        try receive(
            "a", Self.one, try file("f", "first") + [.setFlags(try path("f"), flags: immutable)], into: disk.path)
        try receive(
            "b", Self.two, from: Self.one,
            [
                .setTimes(try path("f"), FileTimes.epoch),
                .write(try path("f"), offset: 0, data: Array("FIRST".utf8)[...]),
                .rename(try path("f"), to: try path("g")), .setTimes(try path("g"), FileTimes.epoch),
            ], into: disk.path)
        #expect(try contents(disk("b/g")) == "FIRST")
        for name in ["a/f", "b/g"] {
            #expect(try Descriptor.open(disk(name), flags: OpenFlags.read).flags() & UInt32(immutable) != 0)
        }
    }

    @Test func `a directory that was received as one is a base for subvolumes`() throws {
        let disk = try LoopBtrfs()
        let plain = try DirectoryTarget(mode: .snapshots(in: disk.path))
        try plain.begin(SnapshotHeader(name: "a", snapshot: Self.one))
        for step in try file("f", "first") { try plain.apply(step) }
        try plain.finish()
        try receive("b", Self.two, from: Self.one, try file("g", "second"), into: disk.path)
        #expect(try subvolume(disk("b")).receivedUUID == Self.two.uuid)
        #expect(try contents(disk("b/f")) == "first" && contents(disk("b/g")) == "second")
    }

    @Test func `a snapshot of a subvolume is read-only, and can be removed; the subvolume cannot`() throws {
        let disk = try LoopBtrfs()
        try LoopBtrfs.run("btrfs", ["-q", "subvolume", "create", disk("home")])
        try Data("text".utf8).write(to: URL(filePath: disk("home/f")))
        #expect(try SubvolumeSnapshots.take(of: disk("home"), at: disk("day")) == disk("day"))
        #expect(try subvolume(disk("day")).isReadOnly && contents(disk("day/f")) == "text")
        let taken = #expect(throws: SnapshotError.self) {
            try SubvolumeSnapshots.take(of: disk.path + "/home", at: "/nowhere/day")
        }
        #expect(taken?.code == .notFound)
        try SubvolumeSnapshots.remove(disk("day"))
        let refused = #expect(throws: SnapshotError.self) { try SubvolumeSnapshots.remove(disk("home")) }
        #expect(refused?.code == .invalidRequest)
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path) == ["home"])
    }
}

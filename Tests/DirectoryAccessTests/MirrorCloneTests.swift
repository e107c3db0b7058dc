import DirectoryAccess
import Foundation
import SnapshotModel
import Testing

/// A mirror is its own base: what a stream takes from the base must be had while it is changed.
@Suite struct MirrorCloneTests {
    private let scratch: Scratch
    private let base = SnapshotReference(uuid: .random(), generation: 1)
    private static let number = InodeIdentity(number: InodeNumber(5))

    /// A mirror of a snapshot with files that hold their own paths, and one of 2 MiB.
    init() throws {
        scratch = try Scratch()
        let target = try DirectoryTarget(mode: .mirror(scratch("mirror")))
        try target.begin(SnapshotHeader(name: "one", snapshot: base))
        for name in ["d", "d/e"] { try target.apply(.makeDirectory(path(name), MirrorCloneTests.number)) }
        for name in ["a", "b", "d/e/f"] {
            try target.apply(.makeFile(path(name), MirrorCloneTests.number))
            try target.apply(.write(path(name), offset: 0, data: Array("<\(name)>".utf8)[...]))
        }
        try target.apply(.makeFile(path("large"), MirrorCloneTests.number))
        try target.apply(.truncate(path("large"), size: 2 << 20))
        try target.finish()
    }

    /// Receives a step and gives what the file `new` holds behind it.
    private func receive(_ steps: [Instruction]) throws -> String {
        let target = try DirectoryTarget(mode: .mirror(scratch("mirror")), strict: true)
        let header = SnapshotHeader(
            name: "two", snapshot: SnapshotReference(uuid: .random(), generation: 2), base: .parent(base))
        try target.begin(header)
        do {
            for step in steps { try target.apply(step) }
            try target.finish()
        } catch {
            target.abandon()
            throw error
        }
        // Nothing that was kept for clones stays behind.
        #expect(try scratch.run("ls -A") == "mirror\nmirror.cowpath\n")
        return try scratch.run("cat mirror/new")
    }

    private func clone(_ source: String, length: UInt64 = 3) throws -> [Instruction] {
        let source = CloneSource(snapshot: base, path: try path(source), offset: 0)
        return [
            .makeFile(try path("new"), MirrorCloneTests.number),
            .clone(try path("new"), offset: 0, length: length, from: source),
        ]
    }

    @Test func `data is taken from a file of the base where it is`() throws {
        #expect(try receive(clone("a")) == "<a>")
        #expect(try scratch.run("cat mirror/a") == "<a>")
    }

    @Test func `data is taken from a file that was removed`() throws {
        #expect(try receive([.unlink(path("a"))] + clone("a")) == "<a>")
        #expect(try scratch.run("ls mirror") == "b\nd\nlarge\nnew\n")
    }

    @Test func `data is taken from a file that was renamed, with its directories and then removed`() throws {
        let moves: [Instruction] = try [
            .rename(path("d/e/f"), to: path("d/e/g")), .rename(path("d/e"), to: path("x")),
            .rename(path("x"), to: path("d/y")), .rename(path("d"), to: path("z")),
        ]
        #expect(try receive(moves + clone("d/e/f", length: 7)) == "<d/e/f>")
        #expect(try scratch.run("cat mirror/z/y/g") == "<d/e/f>")
    }

    @Test func `data is taken from a file whose directory was renamed before it was removed`() throws {
        let moves: [Instruction] = try [
            .rename(path("d"), to: path("z")), .rename(path("z/e/f"), to: path("f")), .removeDirectory(path("z/e")),
            .unlink(path("f")), .removeDirectory(path("z")),
        ]
        #expect(try receive(moves + clone("d/e/f", length: 7)) == "<d/e/f>")
    }

    @Test func `data is taken from a file and not from another that has its name now`() throws {
        let moves: [Instruction] = try [.rename(path("a"), to: path("c")), .rename(path("b"), to: path("a"))]
        #expect(try receive(moves + clone("a")) == "<a>")
        #expect(try scratch.run("cat mirror/a mirror/c") == "<b><a>")
    }

    @Test func `data is taken from a removed file and not from what is at its path now`() throws {
        let moves: [Instruction] = try [
            .unlink(path("a")), .rename(path("b"), to: path("a")), .unlink(path("a")),
            .makeFile(path("a"), MirrorCloneTests.number), .write(path("a"), offset: 0, data: [65, 65, 65]),
        ]
        #expect(try receive(moves + clone("a")) == "<a>")
        #expect(try scratch.run("cat mirror/a") == "AAA")
    }

    @Test func `a second stream into the same mirror waits its turn`() throws {
        let scratch = try Scratch()
        let header = SnapshotHeader(name: "s", snapshot: SnapshotReference(uuid: .random(), generation: 1))
        let first = try DirectoryTarget(mode: .mirror(scratch("m")), strict: false)
        try first.begin(header)
        let second = try DirectoryTarget(mode: .mirror(scratch("m")), strict: false)
        let error = #expect(throws: SnapshotError.self) { try second.begin(header) }
        #expect(error?.code == .inUse)
        second.abandon()
        try first.finish()
    }

    @Test func `files that changed places are told apart`() throws {
        let moves: [Instruction] = try [
            .rename(path("a"), to: path("t")), .rename(path("b"), to: path("a")), .rename(path("t"), to: path("b")),
        ]
        let more = CloneSource(snapshot: base, path: try path("b"), offset: 0)
        let steps = try moves + clone("a") + [.clone(path("new"), offset: 3, length: 3, from: more)]
        #expect(try receive(steps) == "<a><b>")
    }

    @Test func `a small file is cloned as it was in the base, changed or not`() throws {
        let changes: [Instruction] = try [
            .write(path("a"), offset: 0, data: [65, 65, 65]), .truncate(path("b"), size: 0),
            .rename(path("b"), to: path("c")), .unlink(path("c")),
        ]
        let more = CloneSource(snapshot: base, path: try path("b"), offset: 0)
        let last = CloneSource(snapshot: base, path: try path("d/e/f"), offset: 0)
        let steps: [Instruction] =
            try changes + clone("a") + [
                .clone(path("new"), offset: 3, length: 3, from: more),
                // A source that was opened before it is changed.
                .clone(path("new"), offset: 6, length: 3, from: last), .truncate(path("d/e/f"), size: 1),
                .clone(path("new"), offset: 9, length: 7, from: last),
            ]
        #expect(try receive(steps) == "<a><b><d/<d/e/f>")
        #expect(try scratch.run("cat mirror/a mirror/d/e/f") == "AAA<")
    }

    @Test func `a large file that was changed is refused where its former contents cannot be shared`() throws {
        // tmpfs shares nothing.
        let memory = try Scratch(in: "/dev/shm")
        try scratch.run("cp -a mirror mirror.cowpath \(memory.path)")
        let target = try DirectoryTarget(mode: .mirror(memory("mirror")))
        let header = SnapshotHeader(
            name: "two", snapshot: SnapshotReference(uuid: .random(), generation: 2), base: .parent(base))
        try target.begin(header)
        try target.apply(.write(path("large"), offset: 0, data: [65]))
        let steps = try clone("large")
        try target.apply(steps[0])
        let error = #expect(throws: SnapshotError.self) { try target.apply(steps[1]) }
        #expect(error?.code == .unsupported)
        #expect(error?.message == "the file that CLONE takes data from has been changed already")
        target.abandon()
        #expect(try memory.run("ls -A") == "mirror\nmirror.cowpath\n")
    }

    @Test func `times of directories are those of the stream, whatever was kept`() throws {
        let time = Timestamp(seconds: 1_000_000, nanoseconds: 5)
        let times = FileTimes(accessed: time, modified: time, changed: time)
        let steps: [Instruction] = try [
            .unlink(path("d/e/f")), .write(path("a"), offset: 0, data: [65]), .setTimes(path("d/e"), times),
        ]
        _ = try receive(steps + clone("d/e/f", length: 7) + [.setTimes(.root, times)])
        #expect(try scratch.run("stat -c %Y mirror mirror/d/e") == "1000000\n1000000\n")
    }

    @Test func `what a cut replay kept is removed by the next`() throws {
        try scratch.run("mkdir mirror.cowpath-removed; touch mirror.cowpath-removed/1")
        #expect(try receive([.unlink(path("a"))] + clone("a")) == "<a>")
    }

    @Test func `a path that the base never had is no source`() throws {
        for source in ["nothing", "d", "a/below", "d/e"] {
            let target = try DirectoryTarget(mode: .mirror(scratch("mirror")))
            let uuid = SnapshotUUID.random()
            try scratch.run("cp mirror.cowpath record")
            try target.begin(
                SnapshotHeader(name: "two", snapshot: SnapshotReference(uuid: uuid, generation: 2), base: .parent(base))
            )
            try target.apply(.unlink(path("d/e/f")))
            try target.apply(.removeDirectory(path("d/e")))
            let steps = try clone(source)
            try target.apply(steps[0])
            #expect(throws: SnapshotError.self) { try target.apply(steps[1]) }
            target.abandon()
            try scratch.run("mv record mirror.cowpath; mkdir mirror/d/e; echo > mirror/d/e/f; rm mirror/new")
        }
    }

    @Test func `a restored directory is its own base as well`() throws {
        let target = try DirectoryTarget(mode: .restore(to: scratch("restored")), strict: true)
        try target.begin(SnapshotHeader(name: "one", snapshot: base))
        try target.apply(.makeFile(path("a"), MirrorCloneTests.number))
        try target.apply(.write(path("a"), offset: 0, data: Array("<a>".utf8)[...]))
        try target.finish()
        let next = SnapshotReference(uuid: .random(), generation: 2)
        try target.begin(SnapshotHeader(name: "two", snapshot: next, base: .parent(base)))
        for step in try [.unlink(path("a"))] + clone("a") { try target.apply(step) }
        try target.finish()
        #expect(try scratch.run("ls restored; cat restored/new") == "new\n<a>")
        #expect(try scratch.run("ls -A") == "mirror\nmirror.cowpath\nrestored\n")
    }
}

import DirectoryAccess
import Foundation
import SnapshotModel
import Testing

/// New files get their contents on worker threads: what the stream says next must find them as if they had not.
@Suite struct NewFilesTests {
    private static let reference = SnapshotReference(uuid: .random(), generation: 1)

    private static func begin(_ scratch: Scratch, strict: Bool = false) throws -> DirectoryTarget {
        let target = try DirectoryTarget(mode: .restore(to: scratch("tree")), strict: strict)
        try target.begin(SnapshotHeader(name: "snapshot", snapshot: reference))
        return target
    }

    /// A file of one line, with all that a sender says of one.
    private static func file(_ name: String) throws -> [Instruction] {
        let file = try path(name)
        return [
            .makeFile(file, InodeIdentity(number: InodeNumber(5))),
            .write(file, offset: 0, data: Array("\(name)\n".utf8)[...]),
            .changeMode(file, permissions: 0o640),
            .setTimes(file, .epoch),
        ]
    }

    /// What cannot be decoded, which comes out only where the file is written.
    private static func damage(_ name: String) throws -> Instruction {
        .writeEncoded(
            try path(name), offset: 0,
            EncodedExtent(
                encoding: .zstd, bytes: [1, 2, 3, 4], decodedLength: 100, decodedOffset: 0, fileLength: 100))
    }

    @Test func `a file that was just made can be moved, linked, cloned, changed and removed`() throws {
        let scratch = try Scratch()
        let target = try NewFilesTests.begin(scratch)
        for index in 0..<120 {
            for step in try NewFilesTests.file("a\(index)") + NewFilesTests.file("b\(index)") { try target.apply(step) }
            // The one is in work or waits for it; the other is still being gathered.
            let other = try path(index % 2 == 0 ? "a\(index)" : "b\(index)")
            switch index % 6 {
            case 0, 1: try target.apply(.rename(other, to: path("moved\(index)")))
            case 2: try target.apply(.link(path("link\(index)"), to: other))
            case 3:
                let copy = try path("clone\(index)")
                try target.apply(.makeFile(copy, InodeIdentity(number: InodeNumber(6))))
                let source = CloneSource(snapshot: NewFilesTests.reference, path: other, offset: 0)
                try target.apply(.clone(copy, offset: 0, length: 3, from: source))
            case 4:
                try target.apply(.write(other, offset: 0, data: Array("A".utf8)[...]))
                try target.apply(.changeMode(other, permissions: 0o400))
            default: try target.apply(.unlink(other))
            }
        }
        try target.finish()
        #expect(try scratch.run("stat -c %a tree/a4") == "400\n")
        for index in stride(from: 0, to: 120, by: 6) {
            let found = try scratch.run(
                """
                cd tree; cat moved\(index) moved\(index + 1) link\(index + 2) clone\(index + 3) a\(index + 4)
                test ! -e b\(index + 5)
                """)
            let lines = ["a\(index)", "b\(index + 1)", "a\(index + 2)"].map { "\($0)\n" }.joined()
            #expect(found == lines + "b\(index + 3)\n".prefix(3) + "A\(index + 4)\n")
        }
    }

    @Test func `times of a directory are not spoiled by files that get their contents later`() throws {
        let scratch = try Scratch()
        let target = try NewFilesTests.begin(scratch)
        try target.apply(.makeDirectory(path("d"), InodeIdentity(number: InodeNumber(4))))
        for index in 0..<100 {
            for step in try NewFilesTests.file("d/\(index)") { try target.apply(step) }
        }
        try target.apply(.setTimes(path("d"), .epoch))
        try target.finish()
        #expect(try scratch.run("find tree/d -newermt 1970-01-02 | wc -l") == "0\n")
        #expect(try scratch.run("cat tree/d/99; stat -c %a tree/d/99") == "d/99\n640\n")
    }

    @Test func `a file larger than what is gathered is whole`() throws {
        let scratch = try Scratch()
        let target = try NewFilesTests.begin(scratch)
        let file = try path("large")
        try target.apply(.makeFile(file, InodeIdentity(number: InodeNumber(5))))
        let piece = [UInt8](repeating: 7, count: 100_000)
        for index in 0..<20 { try target.apply(.write(file, offset: UInt64(index * piece.count), data: piece[...])) }
        try target.apply(.changeMode(file, permissions: 0o4755))
        try target.finish()
        #expect(try scratch.run("stat -c '%s %a' tree/large; tr -d '\\007' <tree/large | wc -c") == "2000000 4755\n0\n")
    }

    @Test(.enabled(if: Shell.isRoot, "capabilities need root"))
    func `a large file keeps what was said of it before its contents`() throws {
        let scratch = try Scratch()
        let target = try NewFilesTests.begin(scratch)
        let file = try path("large")
        let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12)
        try target.apply(.makeFile(file, InodeIdentity(number: InodeNumber(5))))
        try target.apply(.changeMode(file, permissions: 0o4711))
        let attribute = ExtendedAttribute(name: Array("security.capability".utf8), value: capability)
        try target.apply(.setExtendedAttribute(file, attribute))
        let piece = [UInt8](repeating: 7, count: 100_000)
        for index in 0..<20 {
            try target.apply(.write(file, offset: UInt64(index * piece.count), data: piece[...]))
            if index == 10 {
                // Needs all that came before it, and what comes after it needs the same file.
                let source = CloneSource(snapshot: NewFilesTests.reference, path: file, offset: 4096)
                try target.apply(.clone(file, offset: 4_096_000, length: 4096, from: source))
            }
        }
        for step in try NewFilesTests.file("next") { try target.apply(step) }
        try target.finish()
        #expect(try scratch.run("stat -c '%s %a' tree/large") == "4100096 4711\n")
        #expect(try scratch.run("tr -d '\\000' <tree/large | wc -c; cat tree/next") == "2004096\nnext\n")
        #expect(try scratch.run("getfattr -n security.capability -e hex tree/large").contains("0x01000002"))
    }

    @Test func `the last of several modes holds`() throws {
        let scratch = try Scratch()
        let target = try NewFilesTests.begin(scratch)
        let file = try path("file")
        try target.apply(.makeFile(file, InodeIdentity(number: InodeNumber(5))))
        for permissions: UInt32 in [0o755, 0o600, 0o777, 0o640] {
            try target.apply(.changeMode(file, permissions: permissions))
        }
        try target.finish()
        #expect(try scratch.run("stat -c %a tree/file") == "640\n")
    }

    @Test(arguments: [1, 30, 90])
    func `the first error of the stream is told, and nothing stays`(_ damaged: Int) throws {
        let scratch = try Scratch()
        let target = try NewFilesTests.begin(scratch)
        let error = #expect(throws: SnapshotError.self) {
            for index in 0..<100 {
                for step in try NewFilesTests.file("\(index)") { try target.apply(step) }
                if index == damaged || index == 95 { try target.apply(NewFilesTests.damage("\(index)")) }
                // Fails at once, while the other may not have been tried.
                if index == damaged + 2 { try target.apply(.removeDirectory(path("nowhere"))) }
            }
            try target.finish()
        }
        #expect(error?.code == .corrupt)
        #expect(error?.place == "\(damaged)")
        target.abandon()
        #expect(try scratch.run("ls") == "")
    }

    @Test func `what cannot be kept is counted, in the order of the stream`() throws {
        let scratch = try Scratch()
        let target = try NewFilesTests.begin(scratch)
        let attribute = ExtendedAttribute(name: Array("nonsense.name".utf8), value: [1])
        for index in 0..<100 {
            for step in try NewFilesTests.file("\(index)") { try target.apply(step) }
            try target.apply(.setExtendedAttribute(path("\(index)"), attribute))
        }
        try target.finish()
        #expect(target.losses.counts == [.extendedAttribute: 100])
        #expect(target.losses.examples[.extendedAttribute] == (0..<10).map { "\($0)" })
        let strict = try DirectoryTarget(mode: .restore(to: scratch("strict")), strict: true)
        try strict.begin(SnapshotHeader(name: "snapshot", snapshot: NewFilesTests.reference))
        let error = #expect(throws: SnapshotError.self) {
            for step in try NewFilesTests.file("a") { try strict.apply(step) }
            try strict.apply(.setExtendedAttribute(path("a"), attribute))
            try strict.finish()
        }
        #expect(error?.place == "a")
        strict.abandon()
    }

    @Test func `descriptors do not grow with the number of files`() throws {
        let scratch = try Scratch()
        let target = try NewFilesTests.begin(scratch)
        var most = 0
        for index in 0..<3_000 {
            for step in try NewFilesTests.file("\(index)") { try target.apply(step) }
            if index % 100 == 0 {
                most = max(most, try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count)
            }
        }
        try target.finish()
        // The window of NewFiles, and what other tests have open meanwhile.
        #expect(most < 700)
    }
}

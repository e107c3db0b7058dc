import SendStream
import SnapshotModel
import Testing

/// Small streams that the tests share.
enum Samples {
    static func reference(_ number: UInt64) -> SnapshotReference {
        SnapshotReference(uuid: SnapshotUUID(high: 0x1122_3344_5566_7788, low: number), generation: 40 + number)
    }

    static func header(_ name: String, _ number: UInt64, base: SnapshotHeader.Base = .none) -> SnapshotHeader {
        SnapshotHeader(name: name, snapshot: reference(number), base: base)
    }

    static func path(_ text: String) -> RelativePath { RelativePath(trusted: Array(text.utf8)) }

    static func times(_ seconds: Int64) -> FileTimes {
        let time = Timestamp(seconds: seconds, nanoseconds: 5)
        return FileTimes(accessed: time, modified: time, changed: time)
    }

    static func inode(_ number: UInt64, _ generation: UInt64 = 0) -> InodeIdentity {
        InodeIdentity(number: InodeNumber(number), generation: generation)
    }

    static let oddName = RelativePath(trusted: [0x63, 0x61, 0x66, 0xE9, 0x0A, 0x20, 0x5C])

    /// A whole snapshot that both encodings can carry with protocol 1.
    static let full: [Instruction] = [
        .changeOwner(.root, owner: 0, group: 0), .changeMode(.root, permissions: 0o755),
        .makeDirectory(path("docs"), inode(257)),
        .makeFile(path("docs/read me"), inode(258)),
        .write(path("docs/read me"), offset: 0, data: Array("hello, world\n".utf8)[...]),
        .setExtendedAttribute(
            path("docs/read me"), ExtendedAttribute(name: Array("user.colour".utf8), value: Array("red".utf8))),
        .changeOwner(path("docs/read me"), owner: 1000, group: 100),
        .changeMode(path("docs/read me"), permissions: 0o640), .setTimes(path("docs/read me"), times(1_700_000_000)),
        .link(path("hard link"), to: path("docs/read me")),
        .makeFile(oddName, inode(259)),
        .write(oddName, offset: 0, data: [UInt8](repeating: 0x41, count: 5000)[...]),
        .clone(
            path("docs/read me"), offset: 4096, length: 4096,
            from: CloneSource(snapshot: reference(1), path: oddName, offset: 0)),
        .truncate(path("docs/read me"), size: 8000),
        .makeSymbolicLink(path("symlink"), inode(260), target: Array("docs/read me".utf8)),
        .makeFIFO(path("fifo"), inode(261)), .makeSocket(path("socket"), inode(262)),
        .makeNode(path("null"), inode(263), mode: 0o020666, device: 0x103),
        .setTimes(.root, times(1_700_000_001)),
    ]

    /// What turns ``full`` into the next snapshot.
    static let incremental: [Instruction] = [
        .rename(path("docs"), to: path("papers")), .unlink(path("hard link")), .unlink(path("fifo")),
        .removeExtendedAttribute(path("papers/read me"), name: Array("user.colour".utf8)),
        .makeDirectory(path("empty"), inode(264)), .removeDirectory(path("empty")),
        .updateExtent(path("papers/read me"), offset: 0, length: 13, nil),
        .setTimes(.root, times(-5)),
    ]

    static func cowpath(
        _ snapshots: [RecordingTarget.Snapshot], _ options: CowpathStreamWriter.Options = .init()
    ) throws -> [UInt8] {
        let sink = ArraySink()
        let writer = CowpathStreamWriter(to: sink, options: options)
        try replay(snapshots, onto: writer)
        try writer.close()
        return sink.bytes
    }

    static func btrfs(
        _ snapshots: [RecordingTarget.Snapshot], version: UInt32 = 1,
        ends: BtrfsStreamWriter.SnapshotEnds = .every
    ) throws -> [UInt8] {
        let sink = ArraySink()
        let writer = try BtrfsStreamWriter(to: sink, protocolVersion: version, ends: ends)
        try replay(snapshots, onto: writer)
        try writer.close()
        return sink.bytes
    }

    static func replay(_ snapshots: [RecordingTarget.Snapshot], onto target: any ReplayTarget) throws {
        for snapshot in snapshots {
            try target.begin(snapshot.header)
            for instruction in snapshot.instructions { try target.apply(instruction) }
            try target.finish()
        }
    }

    static func read(_ bytes: [UInt8]) throws -> [RecordingTarget.Snapshot] {
        let target = RecordingTarget()
        _ = try StreamReader(from: ArraySource(bytes)).replay(into: target)
        return target.finished
    }

    static func dump(_ bytes: [UInt8]) throws -> String {
        var text = ""
        let printer = DumpPrinter { text += $0 + "\n" }
        _ = try StreamReader(from: ArraySource(bytes)).replay(into: printer)
        return text
    }

    /// The error that reading the bytes gives; a stream that reads well is a failure of the test.
    static func failure(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) -> SnapshotError? {
        let target = RecordingTarget()
        do {
            _ = try StreamReader(from: ArraySource(bytes)).replay(into: target)
            Issue.record("a damaged stream was read", sourceLocation: sourceLocation)
        } catch let error as SnapshotError {
            return error
        } catch {
            Issue.record("an error without a type: \(error)", sourceLocation: sourceLocation)
        }
        return nil
    }
}

import CowVolume
import DirectoryAccess
import Foundation
import Glibc
import Replication
import SendStream
import SnapshotModel
import SnapshotTesting
import Testing

/// A place that streams come to, with all that lies beside it.
///
/// It holds the snapshot ``RawStream/base``. Beside it lies `outside`, into which nothing may reach.
class HostileEnd {
    let name: String
    let scratch: Scratch

    init(_ name: String) throws {
        self.name = name
        scratch = try Scratch()
        try FileManager.default.createDirectory(atPath: scratch("outside"), withIntermediateDirectories: false)
        try Data("precious".utf8).write(to: URL(filePath: scratch("outside/precious")))
    }

    /// Paths that differ from run to run.
    var paths: [String] { [scratch.path] }

    /// Whether received snapshots are kept, or only looked at.
    var receives: Bool { true }

    /// Replays a stream as the program does.
    func replay(_ bytes: [UInt8], isIncremental: Bool) throws {}

    /// Everything that can be seen of the place, to be compared.
    func state() throws -> [String] { try FolderState.lines(of: scratch.path) }

    /// The tree of a snapshot that was received; nil where there is none.
    func tree(of snapshot: String) throws -> (any SnapshotTree)? { nil }

    /// Takes a snapshot away that was received.
    func remove(_ snapshot: String) throws {}

    static func all() throws -> [HostileEnd] {
        [
            try VolumeEnd(), try SnapshotsEnd(), try MirrorEnd(), try RestoreEnd(), try StoredTreeEnd(),
            try LookingEnd("verify") { _ = try StoredStreams.verify($0) },
            try LookingEnd("dump") { try StoredStreams.dump($0) { _ in } },
            try LookingEnd("convert") { source in
                let writer = try BtrfsStreamWriter(to: ArraySink(), protocolVersion: 2)
                try StoredStreams.replay(source, into: AdaptingTarget(writer))
            },
        ]
    }

    /// Receives into what a user would name.
    func receive(_ bytes: [UInt8], into target: String, mirror: Bool = false, _ opener: TreeOpener) throws {
        var request = ReceiveRequest(target: target)
        request.mirror = mirror
        let receiver = try Receiver(request, opener: opener)
        try StoredStreams.replay(ArraySource(bytes), into: AdaptingTarget(receiver))
    }

    fileprivate func directory(_ name: String) throws -> (any SnapshotTree)? {
        guard FileManager.default.fileExists(atPath: scratch(name)) else { return nil }
        return try DirectoryTree(path: scratch(name), options: DirectoryTree.Options())
    }

    fileprivate func delete(_ name: String) throws {
        if FileManager.default.fileExists(atPath: scratch(name)) {
            try FileManager.default.removeItem(atPath: scratch(name))
        }
    }

    static let base = RawStream.good("base", RawStream.base).bytes(.cowpath)
}

/// A volume with a dataset.
final class VolumeEnd: HostileEnd {
    private let opener = TreeOpener()
    private let volume: Volume

    private let place: Scratch

    /// - Parameter keepingOnlyBookmark: whether of the base only a bookmark is left.
    init(keepingOnlyBookmark: Bool = false) throws {
        place = try Scratch()
        volume = try Volume.create(at: place("volume"))
        try super.init("volume")
        try receive(HostileEnd.base, into: place("volume") + "/home", opener)
        if keepingOnlyBookmark {
            try volume.makeBookmark(of: "home@base", named: "home#base")
            try volume.destroy("home@base")
        }
    }

    override var paths: [String] { [place.path] }

    override func replay(_ bytes: [UInt8], isIncremental: Bool) throws {
        try receive(bytes, into: place("volume"), opener)
    }

    override func state() throws -> [String] {
        var lines = try FolderState.lines(of: scratch.path)
        lines.append("\(try volume.check(readingData: true) { lines.append("\($0)") })")
        for dataset in try volume.datasets() {
            lines.append("\(dataset.name) \(dataset.totals)")
            for snapshot in try volume.snapshots(of: dataset.name) {
                lines.append("\(snapshot.name) \(snapshot.identity)")
                lines += try TreeReport(of: volume.tree(of: snapshot.name)).lines
            }
        }
        return lines
    }

    override func tree(of snapshot: String) throws -> (any SnapshotTree)? {
        let names = try volume.datasets().flatMap { try volume.snapshots(of: $0.name) }.map(\.name)
        return try names.first { $0.hasSuffix("@\(snapshot)") }.map { try volume.tree(of: $0) }
    }

    override func remove(_ snapshot: String) throws {
        _ = try volume.destroy(snapshot, recursive: true)
    }
}

/// A directory of snapshots.
final class SnapshotsEnd: HostileEnd {
    init() throws {
        try super.init("snapshots")
        try FileManager.default.createDirectory(atPath: scratch("all"), withIntermediateDirectories: false)
        try receive(HostileEnd.base, into: scratch("all"), TreeOpener())
    }

    override func replay(_ bytes: [UInt8], isIncremental: Bool) throws {
        try receive(bytes, into: scratch("all"), TreeOpener())
    }

    /// What is there beside the base, whatever its name.
    private func received() throws -> String? {
        try FileManager.default.contentsOfDirectory(atPath: scratch("all")).first { $0 != "base" && $0 != ".cowpath" }
    }

    override func tree(of snapshot: String) throws -> (any SnapshotTree)? {
        try received().map { try directory("all/\($0)") } ?? nil
    }

    override func remove(_ snapshot: String) throws {
        if let name = try received() { try delete("all/\(name)") }
        let records = scratch("all/.cowpath")
        for name in try FileManager.default.contentsOfDirectory(atPath: records) {
            let file = URL(filePath: records + "/" + name)
            if try String(contentsOf: file, encoding: .utf8).contains("\"base\"") { continue }
            try FileManager.default.removeItem(at: file)
        }
    }
}

/// A directory that is brought up to date.
final class MirrorEnd: HostileEnd {
    init() throws {
        try super.init("mirror")
        try FileManager.default.createDirectory(atPath: scratch("all/mirror"), withIntermediateDirectories: true)
    }

    override func replay(_ bytes: [UInt8], isIncremental: Bool) throws {
        if isIncremental { try receive(HostileEnd.base, into: scratch("all/mirror"), mirror: true, TreeOpener()) }
        // A difference that was cut cannot be undone here; the directory says so and is begun anew.
        defer { if isIncremental { try? remove("") } }
        try receive(bytes, into: scratch("all/mirror"), mirror: true, TreeOpener())
    }

    override func tree(of snapshot: String) throws -> (any SnapshotTree)? {
        try FileManager.default.contentsOfDirectory(atPath: scratch("all/mirror")).isEmpty
            ? nil : directory("all/mirror")
    }

    override func remove(_ snapshot: String) throws {
        try delete("all")
        try FileManager.default.createDirectory(atPath: scratch("all/mirror"), withIntermediateDirectories: true)
        unsafe _ = chmod(scratch("all/mirror"), 0o755)
    }
}

/// A directory that something is restored into.
final class RestoreEnd: HostileEnd {
    init() throws {
        try super.init("restore")
        try FileManager.default.createDirectory(atPath: scratch("all"), withIntermediateDirectories: true)
    }

    override func replay(_ bytes: [UInt8], isIncremental: Bool) throws {
        let target = try DirectoryTarget(mode: .restore(to: scratch("all/restored")))
        if isIncremental { try StoredStreams.replay(ArraySource(HostileEnd.base), into: target) }
        defer { if isIncremental { try? remove("") } }
        try StoredStreams.replay(ArraySource(bytes), into: target)
    }

    override func tree(of snapshot: String) throws -> (any SnapshotTree)? { try directory("all/restored") }
    override func remove(_ snapshot: String) throws { try delete("all/restored") }
}

/// A stored stream that is read as a tree, for `ls`, `diff` and a base in a file.
final class StoredTreeEnd: HostileEnd {
    private let base: any SnapshotTree

    init() throws {
        base = try StoredTree.load(from: ArraySource(HostileEnd.base))
        try super.init("tree")
    }

    override var receives: Bool { false }

    override func replay(_ bytes: [UInt8], isIncremental: Bool) throws {
        let tree = try StoredTree.load(from: ArraySource(bytes), onto: base)
        _ = try TreeReport(of: tree)
    }
}

/// What looks at the steps of a stream and keeps nothing.
final class LookingEnd: HostileEnd {
    private let look: (any ByteSource) throws -> Void

    init(_ name: String, _ look: @escaping (any ByteSource) throws -> Void) throws {
        self.look = look
        try super.init(name)
    }

    override var receives: Bool { false }

    override func replay(_ bytes: [UInt8], isIncremental: Bool) throws { try look(ArraySource(bytes)) }
}

import CowVolume
import DirectoryAccess
import Foundation
import Replication
import SendStream
import SnapshotDiff
import SnapshotModel
import SnapshotTesting

/// A directory of its own for one test, in memory where the system has such a file system, removed at the end.
final class Scratch {
    let path: String

    init(onDisk: Bool = false) throws {
        let memory = "/dev/shm"
        let parent = !onDisk && FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
        path = parent + (parent.hasSuffix("/") ? "" : "/") + "cowpath-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            // Files that came with their flags may be immutable.
            let shell = Process()
            shell.executableURL = URL(fileURLWithPath: "/bin/sh")
            shell.arguments = ["-c", "chattr -R -f -i -a \"$0\"; rm -rf \"$0\"", path]
            try? shell.run()
            shell.waitUntilExit()
        }
    }

    func callAsFunction(_ name: String) -> String { path + "/" + name }
}

/// How bytes travel between a sender and a receiver in a scenario.
enum Encoding: CaseIterable, CustomStringConvertible {
    case zstd, zlib, none, compressedData, btrfs1, btrfs2

    var description: String {
        switch self {
        case .zstd: "cowpath/zstd"
        case .zlib: "cowpath/zlib"
        case .none: "cowpath/none"
        case .compressedData: "cowpath/compressed-data"
        case .btrfs1: "btrfs/1"
        case .btrfs2: "btrfs/2"
        }
    }

    func writer(to sink: any ByteSink) throws -> (target: any ReplayTarget, close: () throws -> Void) {
        switch self {
        case .btrfs1, .btrfs2:
            let writer = try BtrfsStreamWriter(to: sink, protocolVersion: self == .btrfs1 ? 1 : 2)
            return (writer, writer.close)
        case .zstd, .zlib, .none, .compressedData:
            var options = CowpathStreamWriter.Options()
            options.codec = self == .zlib ? .zlib : self == .none ? .none : .zstd
            let writer = CowpathStreamWriter(to: sink, options: options)
            return (writer, writer.close)
        }
    }
}

/// What one send in a scenario is made of.
struct Send {
    var source: any SnapshotTree
    var base: (any SnapshotTree)?
    var cloneSources: [any SnapshotTree] = []
    var encoding = Encoding.zstd

    var header: SnapshotHeader {
        var header = SnapshotHeader(name: source.identity.name, snapshot: source.identity.reference)
        header.cloneSources = cloneSources.map(\.identity.reference)
        if let base {
            header.base =
                base.holdsData ? .parent(base.identity.reference) : .bookmark(base.identity.reference)
        }
        return header
    }

    var planner: Planner {
        var options = PlannerOptions()
        options.passesEncodedExtents = encoding == .compressedData
        return Planner(source: source, base: base, cloneSources: cloneSources, options: options)
    }

    /// Encodes into memory.
    func bytes() throws -> [UInt8] {
        let sink = ArraySink()
        let (target, close) = try encoding.writer(to: sink)
        try planner.run(into: target, header)
        try close()
        return sink.bytes
    }

    /// The skeleton of the source, as a stream.
    func bookmark() throws -> [UInt8] {
        var header = header
        header.isBookmark = true
        header.domain = source.domain
        let sink = ArraySink()
        let writer = CowpathStreamWriter(to: sink)
        try planner.run(into: writer, header)
        try writer.close()
        return sink.bytes
    }

    /// Encodes, decodes and replays.
    func run(into target: any ReplayTarget) throws {
        _ = try StreamReader(from: ArraySource(try bytes())).replay(into: target)
    }

    /// Replays without bytes between.
    func runDirectly(into target: any ReplayTarget) throws {
        try planner.run(into: target, header)
    }
}

extension Volume {
    /// A target that keeps the sender's identity.
    func receiver(_ dataset: String, force: Bool = false) throws -> VolumeTarget {
        try target(
            VolumeTarget.Options(dataset: dataset, snapshotName: nil, force: force, keepsReceivedUUID: true))
    }

    /// The trees of a dataset's snapshots, oldest first.
    func trees(of dataset: String) throws -> [VolumeTree] {
        try snapshots(of: dataset).map { try tree(of: $0.name) }
    }
}

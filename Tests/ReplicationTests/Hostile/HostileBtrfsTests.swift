import BtrfsAccess
import DirectoryAccess
import Foundation
import Replication
import SendStream
import SnapshotModel
import SnapshotTesting
import Testing

/// The streams made to do harm, at a mounted btrfs.
@Suite(.enabled(if: LoopBtrfs.obstacle == nil, "\(LoopBtrfs.obstacle ?? "")")) struct HostileBtrfsTests {
    @Test func `every hostile stream is refused on btrfs and changes nothing`() throws {
        let trial = try HostileTrial(BtrfsEnd())
        // Encoded extents are stored as they came: a damaged one is the kernel's to refuse, when it is read.
        let encoded = Set(HostileCase.encodedExtents.map(\.name))
        for attack in HostileCase.all where !encoded.contains(attack.name) {
            for encoding in attack.encodings { try trial.run(attack, encoding, attack.bytes(encoding)) }
        }
    }
}

/// A directory of subvolumes.
private final class BtrfsEnd: HostileEnd {
    private let disk: LoopBtrfs

    init() throws {
        disk = try LoopBtrfs()
        try super.init("btrfs")
        try receive(HostileEnd.base, into: disk.path, TreeOpener())
    }

    override var paths: [String] { [disk.path] }

    override func replay(_ bytes: [UInt8], isIncremental: Bool) throws {
        try receive(bytes, into: disk.path, TreeOpener())
    }

    override func state() throws -> [String] {
        try FolderState.lines(of: scratch.path) + FolderState.lines(of: disk.path)
    }

    private func received() throws -> String? {
        try FileManager.default.contentsOfDirectory(atPath: disk.path).first { $0 != "base" }
    }

    override func tree(of snapshot: String) throws -> (any SnapshotTree)? {
        try received().map { try DirectoryTree(path: disk($0), options: DirectoryTree.Options()) }
    }

    override func remove(_ snapshot: String) throws {
        if let name = try received() { try SubvolumeSnapshots.remove(disk(name)) }
    }
}

import CowVolume
import SendStream
import SnapshotModel

/// A stream from outside, received into a volume: whatever it says, what the volume counts stays right and
/// nothing half-made is left.
enum ReceiveCase {
    /// One volume for all inputs, empty again after each.
    private static let path = try? Volume.create(at: Scratch("receive").path).path

    private static let dataset = "received"

    static func run(_ bytes: [UInt8]) throws(FuzzFinding) {
        guard let path, let volume = try? Volume.open(at: path) else { throw FuzzFinding("no volume") }
        try StreamCase.expected("receiving") { () throws in
            let target = try volume.target(.init(dataset: dataset))
            _ = try StreamReader(from: ArraySource(bytes), options: StreamCase.options).replay(into: target)
        }
        try certain("looking into it") { () throws in
            try check(volume)
            for snapshot in try volume.snapshots() { try read(try volume.tree(of: snapshot.name)) }
            for dataset in try volume.datasets() { try volume.destroy(dataset.name, recursive: true) }
            let summary = try check(volume)
            guard summary.nodes == 0 else { throw FuzzFinding("\(summary.nodes) nodes are left") }
        }
    }

    /// Runs what must not throw.
    private static func certain(_ what: String, _ body: () throws -> Void) throws(FuzzFinding) {
        do {
            try body()
        } catch let error as FuzzFinding {
            throw error
        } catch {
            throw FuzzFinding("\(what): \(error)")
        }
    }

    @discardableResult
    private static func check(_ volume: Volume) throws -> CheckSummary {
        var findings: [String] = []
        let summary = try volume.check(readingData: true) { findings.append("\($0.message), \($0.place)") }
        guard findings.isEmpty else { throw FuzzFinding("a check finds: \(findings.prefix(3))") }
        return summary
    }

    /// Reads every inode, and the beginning and the end of every file.
    private static func read(_ tree: VolumeTree) throws {
        try tree.forEachInode { inode in
            _ = try tree.extendedAttributes(of: inode.number)
            switch inode.kind {
            case .symbolicLink: _ = try tree.symbolicLinkTarget(of: inode.number)
            case .directory: try tree.forEachEntry(in: inode.number) { _ in }
            case .regular:
                try tree.forEachExtent(of: inode.number, from: 0) { _ in }
                let count = 1 << 16
                for offset in [0, inode.size - min(inode.size, UInt64(count))] {
                    let expected = min(UInt64(count), inode.size - offset)
                    guard UInt64(try tree.read(inode.number, at: offset, count: count).count) == expected else {
                        throw FuzzFinding("a file is shorter than its size")
                    }
                }
            case .fifo, .socket, .characterDevice, .blockDevice: break
            }
        }
    }
}

import SnapshotModel
import SystemCalls

/// A directory that is built as `.cowpath-partial-UUID` beside the place that it will have when it is whole.
///
/// It is locked for as long as it is in work: one without a lock was left by a crash.
final class PartialDirectory {
    private static let prefix = Array(".cowpath-partial-".utf8)

    let root: SharedDescriptor
    private let parent: SharedDescriptor
    private let name: [UInt8]

    init(in parent: SharedDescriptor) throws(SystemCallError) {
        self.parent = parent
        while true {
            let name = PartialDirectory.prefix + Array(SnapshotUUID.random().description.utf8)
            try parent.descriptor.makeDirectory(name, mode: 0o700)
            // Someone who removes leftovers may come before the lock, and then this one is gone or going.
            guard let root = try? parent.descriptor.open(name, flags: OpenFlags.readDirectory),
                (try? root.tryLock()) != nil, (try? parent.descriptor.status(of: name)) != nil
            else { continue }
            self.name = name
            self.root = SharedDescriptor(root)
            return
        }
    }

    /// Gives it its place, where nothing may be.
    func publish(as name: [UInt8]) throws(SystemCallError) {
        try parent.descriptor.renameWithoutReplacing(self.name, to: name, in: parent.descriptor)
    }

    /// What cannot be removed now is removed by the next who builds here.
    func remove() {
        try? TreeRemoval.remove(name, in: parent.descriptor)
    }

    /// Removes what crashes left in a directory.
    static func removeLeftovers(in parent: borrowing Descriptor) throws {
        for name in try parent.names(where: { $0.starts(with: prefix) }) {
            // One that is another user's, or in work, is left to its owner.
            guard let partial = try? parent.open(name, flags: OpenFlags.readDirectory),
                (try? partial.tryLock()) != nil
            else { continue }
            try? TreeRemoval.remove(name, in: parent)
        }
    }
}

extension Descriptor {
    /// The names in a directory that meet a condition, in order.
    func names(where isWanted: ([UInt8]) -> Bool) throws -> [[UInt8]] {
        var names: [[UInt8]] = []
        let listed = try openDirectory(beneath: [], flags: OpenFlags.readDirectory)
        try listed.forEachEntry { if isWanted($0.name) { names.append($0.name) } }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }
}

import SnapshotModel
package import SystemCalls

/// How whole trees are made and removed in a directory.
package protocol TreeKeeper: Sendable {
    /// Makes a tree to begin with, which nobody else can enter.
    func make(_ name: [UInt8], in directory: borrowing Descriptor) throws(SystemCallError)
    /// Removes a tree with all that is in it.
    func remove(_ name: [UInt8], in directory: borrowing Descriptor) throws
}

/// Trees that are directories, as every file system has them.
struct PlainTrees: TreeKeeper {
    func make(_ name: [UInt8], in directory: borrowing Descriptor) throws(SystemCallError) {
        try directory.makeDirectory(name, mode: 0o700)
    }

    func remove(_ name: [UInt8], in directory: borrowing Descriptor) throws {
        try TreeRemoval.remove(name, in: directory)
    }
}

/// A directory that is built as `.cowpath-partial-UUID` beside the place that it will have when it is whole.
///
/// It is locked for as long as it is in work: one without a lock was left by a crash.
package final class PartialDirectory {
    private static let prefix = Array(".cowpath-partial-".utf8)

    package let root: SharedDescriptor
    private let parent: SharedDescriptor
    private let trees: any TreeKeeper
    private let name: [UInt8]

    package convenience init(in parent: SharedDescriptor) throws(SystemCallError) {
        try self.init(in: parent, trees: PlainTrees())
    }

    package init(in parent: SharedDescriptor, trees: any TreeKeeper) throws(SystemCallError) {
        self.parent = parent
        self.trees = trees
        while true {
            let name = PartialDirectory.prefix + Array(SnapshotUUID.random().description.utf8)
            try trees.make(name, in: parent.descriptor)
            do throws(SystemCallError) {
                let root = try parent.descriptor.open(name, flags: OpenFlags.readDirectory)
                try root.tryLock()
                _ = try parent.descriptor.status(of: name)
                self.name = name
                self.root = SharedDescriptor(root)
                return
            } catch {
                // Someone who removes leftovers may come before the lock, and then this one is gone or going.
                if error.isMissing || error.isLocked { continue }
                // Anything else would fail again.
                try? trees.remove(name, in: parent.descriptor)
                throw error
            }
        }
    }

    /// Gives it its place, where nothing may be.
    package func publish(as name: [UInt8]) throws(SystemCallError) {
        try parent.descriptor.renameWithoutReplacing(self.name, to: name, in: parent.descriptor)
    }

    /// What cannot be removed now is removed by the next who builds here.
    package func remove() {
        try? trees.remove(name, in: parent.descriptor)
    }

    /// Removes what crashes left in a directory.
    static func removeLeftovers(in parent: borrowing Descriptor) throws {
        try removeLeftovers(in: parent, trees: PlainTrees())
    }

    /// The same where trees may be of another kind.
    package static func removeLeftovers(in parent: borrowing Descriptor, trees: any TreeKeeper) throws {
        for name in try parent.names(where: { $0.starts(with: prefix) }) {
            // One that is another user's, or in work, is left to its owner.
            guard let partial = try? parent.open(name, flags: OpenFlags.readDirectory),
                (try? partial.tryLock()) != nil
            else { continue }
            try? trees.remove(name, in: parent)
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

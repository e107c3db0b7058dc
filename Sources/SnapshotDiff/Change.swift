package import SnapshotModel

/// One difference between two trees, as a person would put it.
package enum Change: Hashable, Sendable {
    /// What of an inode that both trees have is different.
    package struct Aspects: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let contents = Aspects(rawValue: 1)
        package static let permissions = Aspects(rawValue: 2)
        package static let owner = Aspects(rawValue: 4)
        package static let extendedAttributes = Aspects(rawValue: 8)
        package static let modificationTime = Aspects(rawValue: 16)
        /// The access time or the change time.
        package static let otherTimes = Aspects(rawValue: 32)
        package static let flags = Aspects(rawValue: 64)
        /// Names in a directory.
        package static let entries = Aspects(rawValue: 128)
    }

    /// A new inode; one that has several names gives one change for each.
    case added(RelativePath, FileKind)
    /// An inode that is gone, under the name it had.
    case removed(RelativePath, FileKind)
    case modified(RelativePath, FileKind, Aspects)
    /// The same inode under another name, and what else of it is different.
    case renamed(from: RelativePath, to: RelativePath, FileKind, Aspects)
    /// A further name, the first path, for an inode that both trees have and that the second path names too.
    case linked(RelativePath, to: RelativePath, FileKind)
    /// A name is gone, but not the inode.
    case unlinked(RelativePath, FileKind)

    /// The path in the newer tree, or in the older one for what is gone.
    package var path: RelativePath {
        switch self {
        case .added(let path, _), .removed(let path, _), .modified(let path, _, _), .renamed(_, let path, _, _),
            .linked(let path, _, _), .unlinked(let path, _):
            path
        }
    }

    package var kind: FileKind {
        switch self {
        case .added(_, let kind), .removed(_, let kind), .modified(_, let kind, _), .renamed(_, _, let kind, _),
            .linked(_, _, let kind), .unlinked(_, let kind):
            kind
        }
    }
}

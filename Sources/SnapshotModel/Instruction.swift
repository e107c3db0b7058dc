/// One step that turns the parent into the new snapshot.
///
/// The set is that of the btrfs send protocol, less those that begin and end a snapshot, which are
/// ``SnapshotHeader`` and the end of a replay. Paths are valid at the moment of the step.
package enum Instruction: Hashable, Sendable {
    case makeFile(RelativePath, InodeIdentity)
    case makeDirectory(RelativePath, InodeIdentity)
    case makeFIFO(RelativePath, InodeIdentity)
    case makeSocket(RelativePath, InodeIdentity)
    /// A device node; `mode` has the type bits of `st_mode`.
    case makeNode(RelativePath, InodeIdentity, mode: UInt32, device: UInt64)
    case makeSymbolicLink(RelativePath, InodeIdentity, target: [UInt8])
    case rename(RelativePath, to: RelativePath)
    /// A further name, at the first path, for what the second path names.
    case link(RelativePath, to: RelativePath)
    case unlink(RelativePath)
    case removeDirectory(RelativePath)
    case setExtendedAttribute(RelativePath, ExtendedAttribute)
    case removeExtendedAttribute(RelativePath, name: [UInt8])
    case write(RelativePath, offset: UInt64, data: ArraySlice<UInt8>)
    case writeEncoded(RelativePath, offset: UInt64, EncodedExtent)
    case clone(RelativePath, offset: UInt64, length: UInt64, from: CloneSource)
    case truncate(RelativePath, size: UInt64)
    case changeMode(RelativePath, permissions: UInt32)
    case changeOwner(RelativePath, owner: UInt32, group: UInt32)
    case setTimes(RelativePath, FileTimes)
    /// In place of contents: this range has changed. In a bookmark, with what it holds.
    case updateExtent(RelativePath, offset: UInt64, length: UInt64, FileExtent.Content?)
    case allocate(RelativePath, AllocationMode, offset: UInt64, length: UInt64)
    /// File attribute flags (`FS_*_FL`, ioctl_iflags(2)).
    case setFlags(RelativePath, flags: UInt64)
    case enableVerity(RelativePath, VerityParameters)

    /// The path that the step is about; of two, the first.
    package var path: RelativePath {
        switch self {
        case .makeFile(let path, _), .makeDirectory(let path, _), .makeFIFO(let path, _), .makeSocket(let path, _),
            .makeNode(let path, _, _, _), .makeSymbolicLink(let path, _, _), .rename(let path, _),
            .link(let path, _), .unlink(let path), .removeDirectory(let path), .setExtendedAttribute(let path, _),
            .removeExtendedAttribute(let path, _), .write(let path, _, _), .writeEncoded(let path, _, _),
            .clone(let path, _, _, _), .truncate(let path, _), .changeMode(let path, _),
            .changeOwner(let path, _, _), .setTimes(let path, _), .updateExtent(let path, _, _, _),
            .allocate(let path, _, _, _), .setFlags(let path, _), .enableVerity(let path, _):
            path
        }
    }
}

extension SnapshotTotals {
    /// Adds one step. Inodes are those made; bytes those of contents, as the file has them.
    package mutating func count(_ instruction: Instruction) {
        instructions += 1
        switch instruction {
        case .makeFile, .makeDirectory, .makeFIFO, .makeSocket, .makeNode, .makeSymbolicLink:
            inodes += 1
        case .write(_, _, let data):
            bytes &+= UInt64(data.count)
        case .writeEncoded(_, _, let extent):
            bytes &+= extent.fileLength
        case .rename, .link, .unlink, .removeDirectory, .setExtendedAttribute, .removeExtendedAttribute, .clone,
            .truncate, .changeMode, .changeOwner, .setTimes, .updateExtent, .allocate, .setFlags, .enableVerity:
            break
        }
    }

    /// Adds the numbers of another.
    package static func += (left: inout SnapshotTotals, right: SnapshotTotals) {
        left.inodes += right.inodes
        left.instructions += right.instructions
        left.bytes &+= right.bytes
    }
}

/// Where the bytes of a CLONE come from.
package struct CloneSource: Hashable, Sendable {
    /// The snapshot; that of the stream itself for what this stream has already carried.
    package let snapshot: SnapshotReference
    package let path: RelativePath
    package let offset: UInt64

    package init(snapshot: SnapshotReference, path: RelativePath, offset: UInt64) {
        self.snapshot = snapshot
        self.path = path
        self.offset = offset
    }
}

/// What fallocate(2) does with a range; bits outside these are refused.
package struct AllocationMode: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `FALLOC_FL_KEEP_SIZE`
    package static let keepSize = AllocationMode(rawValue: 1)
    /// `FALLOC_FL_PUNCH_HOLE`, always with ``keepSize``
    package static let punchHole = AllocationMode(rawValue: 2)
}

/// What fs-verity is enabled with (ioctl `FS_IOC_ENABLE_VERITY`).
package struct VerityParameters: Hashable, Sendable {
    package let algorithm: UInt8
    package let blockSize: UInt32
    package let salt: [UInt8]
    package let signature: [UInt8]

    package init(algorithm: UInt8, blockSize: UInt32, salt: [UInt8], signature: [UInt8]) {
        self.algorithm = algorithm
        self.blockSize = blockSize
        self.salt = salt
        self.signature = signature
    }
}

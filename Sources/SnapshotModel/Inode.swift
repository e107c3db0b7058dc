/// The number of an inode within one tree. The numbers of two trees mean the same only where the trees share
/// a ``SnapshotTree/domain`` and the inodes a ``InodeIdentity``.
package struct InodeNumber: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static func < (left: InodeNumber, right: InodeNumber) -> Bool { left.rawValue < right.rawValue }
}

/// What makes an inode the same one in two trees of one domain: a number can be used again, but not in the
/// same generation.
package struct InodeIdentity: Hashable, Sendable {
    package let number: InodeNumber
    /// The generation in which the inode was made; 0 where that is not known.
    package let generation: UInt64

    package init(number: InodeNumber, generation: UInt64 = 0) {
        self.number = number
        self.generation = generation
    }
}

/// The kinds of inode that POSIX knows.
package enum FileKind: UInt8, CaseIterable, Sendable {
    case regular = 1
    case directory, symbolicLink, fifo, socket, characterDevice, blockDevice

    /// The file type bits of `st_mode` (inode(7)).
    package var modeBits: UInt32 {
        switch self {
        case .regular: 0o100000
        case .directory: 0o040000
        case .symbolicLink: 0o120000
        case .fifo: 0o010000
        case .socket: 0o140000
        case .characterDevice: 0o020000
        case .blockDevice: 0o060000
        }
    }

    /// The kind in the type bits of an `st_mode`; nil for bits that mean none.
    package init?(mode: UInt32) {
        guard let kind = FileKind.allCases.first(where: { $0.modeBits == mode & 0o170000 }) else { return nil }
        self = kind
    }

    /// One letter as `ls -l` and `find -type` show it, with `f` for a regular file.
    package var letter: Character {
        switch self {
        case .regular: "f"
        case .directory: "d"
        case .symbolicLink: "l"
        case .fifo: "p"
        case .socket: "s"
        case .characterDevice: "c"
        case .blockDevice: "b"
        }
    }
}

/// The four instants that an inode keeps.
package struct FileTimes: Hashable, Sendable {
    package var accessed: Timestamp
    package var modified: Timestamp
    package var changed: Timestamp
    /// When the inode was made, where the file system knows.
    package var born: Timestamp?

    package init(accessed: Timestamp, modified: Timestamp, changed: Timestamp, born: Timestamp? = nil) {
        self.accessed = accessed
        self.modified = modified
        self.changed = changed
        self.born = born
    }

    package static let epoch = FileTimes(accessed: .epoch, modified: .epoch, changed: .epoch)
}

/// Everything about an inode but its names, extended attributes and contents.
package struct Inode: Hashable, Sendable {
    package var number: InodeNumber
    /// The generation in which the inode was made; 0 where the tree does not know.
    package var birthGeneration: UInt64
    /// The generation in which anything of the inode last changed; 0 where the tree does not know.
    package var changeGeneration: UInt64
    package var kind: FileKind
    /// The low twelve bits of `st_mode`: setuid, setgid, sticky and nine permissions.
    package var permissions: UInt32
    package var owner: UInt32
    package var group: UInt32
    /// Bytes of contents: of a regular file, or of a symbolic link's target; 0 for other kinds.
    package var size: UInt64
    /// Names of the inode; 1 for a directory.
    package var linkCount: UInt32
    /// The device number of a device node in the kernel's `dev_t` of 32 bits as `st_rdev` has it; else 0.
    package var device: UInt64
    package var times: FileTimes
    /// File attribute flags (`FS_*_FL`, ioctl_iflags(2)); 0 where there are none or they are not known.
    package var flags: UInt64
    /// The number that the inode had where it came from; 0 where it came from nowhere else.
    package var origin: InodeNumber

    package init(
        number: InodeNumber, birthGeneration: UInt64 = 0, changeGeneration: UInt64 = 0, kind: FileKind,
        permissions: UInt32, owner: UInt32 = 0, group: UInt32 = 0, size: UInt64 = 0, linkCount: UInt32 = 1,
        device: UInt64 = 0, times: FileTimes = .epoch, flags: UInt64 = 0, origin: InodeNumber = InodeNumber(0)
    ) {
        self.number = number
        self.birthGeneration = birthGeneration
        self.changeGeneration = changeGeneration
        self.kind = kind
        self.permissions = permissions
        self.owner = owner
        self.group = group
        self.size = size
        self.linkCount = linkCount
        self.device = device
        self.times = times
        self.flags = flags
        self.origin = origin
    }

    package var identity: InodeIdentity { InodeIdentity(number: number, generation: birthGeneration) }
}

/// One name in a directory.
package struct DirectoryEntry: Hashable, Sendable {
    package let name: FileName
    package let inode: InodeNumber
    package let kind: FileKind

    package init(name: FileName, inode: InodeNumber, kind: FileKind) {
        self.name = name
        self.inode = inode
        self.kind = kind
    }
}

/// One name of an inode: the directory that holds it, and the name there.
package struct InodeLink: Hashable, Sendable {
    package let directory: InodeNumber
    package let name: FileName

    package init(directory: InodeNumber, name: FileName) {
        self.directory = directory
        self.name = name
    }
}

extension InodeLink: Comparable {
    /// By directory number and then name, in which order trees tell of them.
    package static func < (left: InodeLink, right: InodeLink) -> Bool {
        left.directory != right.directory ? left.directory < right.directory : left.name < right.name
    }
}

/// An extended attribute: a name of 1 to 255 bytes with its namespace (`user.…`), and a value.
package struct ExtendedAttribute: Hashable, Sendable {
    /// The longest name in bytes (`XATTR_NAME_MAX`, Linux `limits.h`).
    package static let maximumNameLength = 255
    /// The longest value in bytes (`XATTR_SIZE_MAX`, Linux `limits.h`).
    package static let maximumValueLength = 65_536

    package let name: [UInt8]
    package let value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

import SnapshotModel
import SystemCalls

/// Copies one inode that is no directory, with all its attributes.
struct InodeCopy {
    enum Contents {
        /// Shared by reflink (`FICLONE`), or not at all.
        case shared
        /// Copied, with holes where there were some.
        case copied
    }

    struct Loss {
        let kind: ReplayLosses.Kind
        let path: RelativePath
        let cause: SystemCallError
    }

    let status: FileStatus
    let path: RelativePath
    private(set) var losses: [Loss] = []
    /// Flags that must be set when all else is done.
    private(set) var forbiddingFlags: UInt32 = 0

    init(status: FileStatus, path: RelativePath) {
        self.status = status
        self.path = path
    }

    /// Makes the copy under a name that must be free.
    mutating func copy(
        from source: borrowing Descriptor, _ name: [UInt8], to target: borrowing Descriptor, _ newName: [UInt8],
        contents: Contents
    ) throws(SystemCallError) {
        switch FileKind(mode: status.mode) {
        case .regular:
            return try copyRegular(from: source, name, to: target, newName, contents: contents)
        case .symbolicLink:
            try target.makeSymbolicLink(newName, target: try source.readSymbolicLink(name))
        case .fifo, .socket, .characterDevice, .blockDevice, .directory, nil:
            try target.makeNode(
                newName, mode: status.mode & 0o170000 | 0o600, device: UInt32(truncatingIfNeeded: status.device))
        }
        try setAttributes(from: source, name, to: target, newName)
    }

    private mutating func copyRegular(
        from source: borrowing Descriptor, _ name: [UInt8], to target: borrowing Descriptor, _ newName: [UInt8],
        contents: Contents
    ) throws(SystemCallError) {
        let from = try source.open(name, flags: OpenFlags.read)
        let to = try target.open(newName, flags: OpenFlags.create, mode: 0o600)
        do throws(SystemCallError) {
            // Whether data may be shared can depend on the flags, such as the one against copy-on-write.
            let flags = (try? from.flags()) ?? 0
            if flags & FileFlags.settable != 0, let present = try? to.flags() {
                try? to.setFlags(present | flags & FileFlags.settable)
            }
            forbiddingFlags = flags & FileFlags.forbidding
            switch contents {
            case .shared: try to.clone(from: from)
            case .copied:
                try FileCopy.copy(from: from, at: 0, to: to, at: 0, length: try from.status().size)
            }
            try setAttributes(from: from, to: to)
        } catch {
            try? target.unlink(newName)
            throw error
        }
    }

    private mutating func setAttributes(
        from source: borrowing Descriptor, to target: borrowing Descriptor
    ) throws(SystemCallError) {
        let status = status
        try tolerate(.owner) { () throws(SystemCallError) in
            try target.changeOwner(status.owner, group: status.group)
        }
        try tolerate(.permissions) { () throws(SystemCallError) in try target.changeMode(status.permissions) }
        for attribute in try target.attributeNames() { try? target.removeAttribute(attribute) }
        for attribute in try source.attributeNames() {
            guard let value = try? source.attribute(attribute) else { continue }
            try tolerate(.extendedAttribute) { () throws(SystemCallError) in
                try target.setAttribute(attribute, value)
            }
        }
        try target.setTimes(accessed: status.accessed, modified: status.modified)
    }

    private mutating func setAttributes(
        from source: borrowing Descriptor, _ name: [UInt8], to target: borrowing Descriptor, _ newName: [UInt8]
    ) throws(SystemCallError) {
        let status = status
        try tolerate(.owner) { () throws(SystemCallError) in
            try target.changeOwner(of: newName, status.owner, group: status.group)
        }
        if !status.isSymbolicLink {
            try tolerate(.permissions) { () throws(SystemCallError) in
                try target.changeMode(of: newName, status.permissions)
            }
        }
        for attribute in try source.attributeNames(of: name) {
            guard let value = try? source.attribute(attribute, of: name) else { continue }
            try tolerate(.extendedAttribute) { () throws(SystemCallError) in
                try target.setAttribute(attribute, value, of: newName)
            }
        }
        try target.setTimes(of: newName, accessed: status.accessed, modified: status.modified)
    }

    private mutating func tolerate(
        _ kind: ReplayLosses.Kind, _ body: () throws(SystemCallError) -> Void
    ) throws(SystemCallError) {
        do throws(SystemCallError) {
            try body()
        } catch  where error.isForbidden || error.isUnsupported || error.isInvalid || error.isTooLarge {
            losses.append(Loss(kind: kind, path: path, cause: error))
        }
    }

    /// Gives a directory the attributes of another; its entries come before that.
    mutating func copyDirectoryAttributes(
        from source: borrowing Descriptor, to target: borrowing Descriptor
    ) throws(SystemCallError) {
        let flags = (try? source.flags()) ?? 0
        if flags & FileFlags.settable != 0, let present = try? target.flags() {
            try? target.setFlags(present | flags & FileFlags.settable)
        }
        forbiddingFlags = flags & FileFlags.forbidding
        try setAttributes(from: source, to: target)
    }
}

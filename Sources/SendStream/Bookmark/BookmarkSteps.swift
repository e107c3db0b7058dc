import SnapshotModel

/// Reads what a bookmark tells of a directory, or a block of what lies in one.
struct BookmarkSteps {
    private var decoder: InstructionDecoder
    /// What there is in further frames.
    private var rest: ArraySlice<ArraySlice<UInt8>>
    private let header: SnapshotHeader
    /// The step that comes next, of which the path was read; nil at the end.
    private var next: InstructionNumber?
    /// Whether it is about the same path as the one before it.
    private var isRepeated = false

    /// - Parameter pieces: what there is in each frame.
    init(_ pieces: [ArraySlice<UInt8>], header: SnapshotHeader) throws(SnapshotError) {
        decoder = InstructionDecoder(pieces.first ?? [], header: header)
        rest = pieces.dropFirst()
        self.header = header
        try advance()
    }

    /// A directory.
    ///
    /// - Parameter number: of the directory; the root's tells that no step makes it.
    mutating func directory(_ number: InodeNumber) throws(SnapshotError) -> BookmarkedDirectory {
        var directory: BookmarkedDirectory
        if number == StreamTree.rootNumber {
            directory = BookmarkedDirectory(path: .root, inode: Inode(InodeIdentity(number: number), .directory))
            guard next == nil || decoder.pathBytes.isEmpty else { return directory }
        } else {
            guard next == .makeDirectory, !decoder.pathBytes.isEmpty else {
                throw SnapshotError(.corrupt, "a directory of a bookmark does not begin where its index says")
            }
            directory = BookmarkedDirectory(path: decoder.path, inode: Inode(try decoder.inode(), .directory))
            guard directory.inode.number == number else {
                throw SnapshotError(
                    .corrupt, "a bookmark has another directory than its index says", place: decoder.path.description)
            }
            try advance()
            guard isRepeated else { return directory }
        }
        var extents: [FileExtent] = []
        try describe(&directory.inode, &directory.attributes, &extents)
        return directory
    }

    /// An inode that is no directory, and comes next; nil where a further name does, or nothing.
    ///
    /// - Parameters:
    ///   - parent: the path of the directory.
    ///   - names: to which its name is appended. Whoever kept that where it was read would have the next path copied.
    ///   - extents: to which its extents are appended.
    mutating func file(
        in parent: [UInt8], _ names: inout [UInt8], _ extents: inout [FileExtent]
    ) throws(SnapshotError) -> BookmarkedFile? {
        guard let next, next != .link else { return nil }
        var file: BookmarkedFile
        names.append(contentsOf: try name(in: parent))
        if next == .makeFile {
            file = BookmarkedFile(inode: Inode(try decoder.inode(), .regular))
        } else {
            guard let made = BookmarkedFile(madeBy: try decoder.finish(next)) else { throw misplaced() }
            file = made
        }
        try advance()
        if self.next != nil, isRepeated { try describe(&file.inode, &file.attributes, &extents) }
        return file
    }

    /// A further name of an inode that comes next; nil at the end.
    mutating func furtherName(in parent: [UInt8]) throws(SnapshotError) -> FileName? {
        guard next == .link else { return nil }
        let name = FileName(trusted: [UInt8](try name(in: parent)))
        _ = try decoder.finish(.link)
        try advance()
        return name
    }

    /// The name of what the next step makes in a directory.
    private func name(in parent: [UInt8]) throws(SnapshotError) -> ArraySlice<UInt8> {
        let path = decoder.pathBytes
        let slash = UInt8(ascii: "/")
        let start = parent.isEmpty ? 0 : parent.count + 1
        guard path.count > start, path.starts(with: parent), start == 0 || path[start - 1] == slash,
            !path[start...].contains(slash)
        else {
            throw SnapshotError(.corrupt, "a name of a bookmark is not in its place", place: decoder.path.description)
        }
        return path[start...]
    }

    /// Takes in the steps that tell of an inode: the next one, and those with the same path behind it.
    private mutating func describe(
        _ inode: inout Inode, _ attributes: inout [ExtendedAttribute], _ extents: inout [FileExtent]
    ) throws(SnapshotError) {
        let first = extents.count
        var isFirst = true
        while let number = next, isFirst || isRepeated {
            isFirst = false
            switch number {
            case .setExtendedAttribute:
                guard case .setExtendedAttribute(_, let attribute) = try decoder.finish(number) else { return }
                attributes = AttributeSets.changed(attributes, attribute.name, to: attribute.value)
            case .updateExtent where inode.kind == .regular:
                guard
                    let extent = try decoder.extent(behind: extents.count > first ? extents[extents.count - 1].end : 0)
                else { throw misplaced() }
                if extent.length > 0 { extents.append(extent) }
                inode.size = max(inode.size, extent.end)
            default: guard try decoder.describe(&inode, number) else { throw misplaced() }
            }
            try advance()
        }
    }

    private mutating func advance() throws(SnapshotError) {
        while true {
            next = try decoder.begin()
            isRepeated = decoder.isRepeated
            guard next == nil, let piece = rest.popFirst() else { return }
            let path = decoder.pathBytes
            decoder = InstructionDecoder(piece, header: header)
            next = try decoder.begin()
            isRepeated = decoder.pathBytes == path
            if next != nil { return }
        }
    }

    private func misplaced() -> SnapshotError {
        SnapshotError(.corrupt, "a step does not belong in a bookmark", place: decoder.path.description)
    }
}

/// A directory of a bookmark, without what lies in it.
struct BookmarkedDirectory: Sendable {
    let path: RelativePath
    var inode: Inode
    var attributes: [ExtendedAttribute] = []
}

/// What lies in a directory of a bookmark, and is none; its name and its extents are kept elsewhere.
struct BookmarkedFile {
    var inode: Inode
    var attributes: [ExtendedAttribute] = []
    private(set) var target: [UInt8] = []

    init(inode: Inode) {
        self.inode = inode
    }

    /// The inode that a step makes; nil where it makes none, or a directory.
    init?(madeBy step: Instruction) {
        switch step {
        case .makeFile(_, let identity): self.init(inode: Inode(identity, .regular))
        case .makeFIFO(_, let identity): self.init(inode: Inode(identity, .fifo))
        case .makeSocket(_, let identity): self.init(inode: Inode(identity, .socket))
        case .makeSymbolicLink(_, let identity, let target):
            self.init(inode: Inode(identity, .symbolicLink))
            self.target = target
            inode.size = UInt64(target.count)
        case .makeNode(_, let identity, let mode, let device):
            guard let kind = FileKind(mode: mode) else { return nil }
            self.init(inode: Inode(identity, kind))
            inode.permissions = mode & 0o7777
            // mknod(2) takes a device number for a FIFO too, which then has none.
            if kind == .characterDevice || kind == .blockDevice { inode.device = device }
        default: return nil
        }
    }
}

extension Inode {
    /// An inode as a step makes it, before others say more.
    fileprivate init(_ identity: InodeIdentity, _ kind: FileKind) {
        self.init(
            number: identity.number, birthGeneration: identity.generation, kind: kind,
            permissions: InodeTable.firstPermissions(of: kind))
    }
}

extension InstructionDecoder {
    /// Reads a step that was begun into an inode; false for one that has no place in a bookmark. There are many of
    /// them, which would each be an ``Instruction`` for a moment.
    fileprivate mutating func describe(_ inode: inout Inode, _ number: InstructionNumber) throws(SnapshotError) -> Bool
    {
        switch number {
        case .changeOwner:
            inode.owner = try narrow("an owner")
            inode.group = try narrow("a group")
        case .changeMode: inode.permissions = UInt32(try cursor.varint(upTo: 0o7777, "permissions"))
        case .setTimes: inode.times = try times()
        case .setFlags: inode.flags = UInt64(try narrow("file flags"))
        case .truncate where inode.kind == .regular:
            inode.size = try cursor.varint(upTo: InstructionLimits.fileSize, "a size")
        default: return false
        }
        return true
    }

    /// Reads the extent of a step that was begun; nil where it does not lie behind an offset.
    fileprivate mutating func extent(behind last: UInt64) throws(SnapshotError) -> FileExtent? {
        let offset = try cursor.varint()
        let length = try cursor.varint()
        let content = try content() ?? .data(nil)
        let (end, overflows) = offset.addingReportingOverflow(length)
        guard offset >= last, !overflows, end <= InstructionLimits.fileSize else { return nil }
        return FileExtent(offset: offset, length: length, content: content)
    }
}

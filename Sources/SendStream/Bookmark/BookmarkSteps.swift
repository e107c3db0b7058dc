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

    /// Reads an inode that is no directory, and comes next; false where a further name does, or nothing.
    ///
    /// - Parameters:
    ///   - parent: the path of the directory.
    ///   - files: to which it is appended. Whoever kept its name where that was read would have the next path copied.
    mutating func readFile(in parent: [UInt8], into files: inout BookmarkedFiles) throws(SnapshotError) -> Bool {
        guard let next, next != .link else { return false }
        let place = files.inodes.count
        files.names.append(contentsOf: try name(in: parent))
        files.nameEnds.append(files.names.count)
        if next == .makeFile {
            files.inodes.append(Inode(try decoder.inode(), .regular))
        } else {
            guard let (inode, target) = Inode.made(by: try decoder.finish(next)) else { throw misplaced() }
            files.inodes.append(inode)
            if !target.isEmpty { files.targets[place] = target }
        }
        try advance()
        if self.next != nil, isRepeated {
            var attributes: [ExtendedAttribute] = []
            try describe(&files.inodes[place], &attributes, &files.extents)
            if !attributes.isEmpty { files.attributes[place] = attributes }
        }
        files.extentEnds.append(files.extents.count)
        return true
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

/// What lies in a directory of a bookmark, and is none, in byte order of the names.
struct BookmarkedFiles: Sendable {
    var inodes: [Inode] = []
    /// Their names and extents, one behind the other, and where those of each end.
    var names: [UInt8] = []
    var nameEnds: [Int] = []
    var extents: [FileExtent] = []
    var extentEnds: [Int] = []
    /// What few inodes have, by their places.
    var attributes: [Int: [ExtendedAttribute]] = [:]
    var targets: [Int: [UInt8]] = [:]

    func name(at place: Int) -> ArraySlice<UInt8> {
        names[(place == 0 ? 0 : nameEnds[place - 1])..<nameEnds[place]]
    }

    func extents(at place: Int) -> ArraySlice<FileExtent> {
        extents[(place == 0 ? 0 : extentEnds[place - 1])..<extentEnds[place]]
    }
}

extension Inode {
    /// An inode as a step makes it, before others say more.
    fileprivate init(_ identity: InodeIdentity, _ kind: FileKind) {
        self.init(
            number: identity.number, birthGeneration: identity.generation, kind: kind,
            permissions: InodeTable.firstPermissions(of: kind))
    }

    /// The inode that a step makes, and its target; nil where it makes none, or a directory.
    fileprivate static func made(by step: Instruction) -> (inode: Inode, target: [UInt8])? {
        switch step {
        case .makeFile(_, let identity): return (Inode(identity, .regular), [])
        case .makeFIFO(_, let identity): return (Inode(identity, .fifo), [])
        case .makeSocket(_, let identity): return (Inode(identity, .socket), [])
        case .makeSymbolicLink(_, let identity, let target):
            var inode = Inode(identity, .symbolicLink)
            inode.size = UInt64(target.count)
            return (inode, target)
        case .makeNode(_, let identity, let mode, let device):
            guard let kind = FileKind(mode: mode) else { return nil }
            var inode = Inode(identity, kind)
            inode.permissions = mode & 0o7777
            // mknod(2) takes a device number for a FIFO too, which then has none.
            if kind == .characterDevice || kind == .blockDevice { inode.device = device }
            return (inode, [])
        default: return nil
        }
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

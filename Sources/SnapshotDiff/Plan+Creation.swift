import SnapshotModel

/// New inodes, and whole trees of them.
extension Plan {
    /// A directory that is being filled. Frames are kept in an array: thousands of levels would not fit on a
    /// thread's stack.
    private struct Frame {
        let inode: Inode
        let path: RelativePath
        let attributes: [ExtendedAttribute]
        /// Visited after everything else in the directory.
        var subdirectories: ArraySlice<DirectoryEntry>
    }

    func sendWhole() throws {
        let inode = try source.existingInode(root)
        guard inode.kind == .directory else {
            let name = try source.links(of: root).first?.name ?? FileName(validating: Array("file".utf8))
            return try sendNew(root, at: RelativePath.root.appending(name))
        }
        let attributes = try reading(.root) { try source.extendedAttributes(of: root) } ?? []
        try sink.countInode()
        try sendTree(inode, at: .root, attributes)
    }

    /// Fills a directory that exists at `path`, depth first, and describes it when all below it is done. In a bookmark,
    /// which is made to be searched, what a directory is comes first.
    private func sendTree(_ directory: Inode, at path: RelativePath, _ attributes: [ExtendedAttribute]) throws {
        var frames = [try open(directory, at: path, attributes)]
        while var frame = frames.popLast() {
            guard let entry = frame.subdirectories.popFirst() else {
                if !header.isBookmark { try describeNew(frame.inode, at: frame.path, frame.attributes) }
                continue
            }
            let path = try self.path(entry.name, in: frame.path)
            frames.append(frame)
            if try isPlacedExisting(entry, in: frame.inode.number, at: path) { continue }
            if let (inode, attributes) = try make(entry.inode, at: path) {
                frames.append(try open(inode, at: path, attributes))
            }
        }
    }

    /// Makes everything in a directory but its subdirectories.
    private func open(_ inode: Inode, at path: RelativePath, _ attributes: [ExtendedAttribute]) throws -> Frame {
        if comparison != nil { made.insert(inode.number) }
        if header.isBookmark { try describeNew(inode, at: path, attributes) }
        var subdirectories: [DirectoryEntry] = []
        var failure: (any Error)?
        try reading(path) {
            try source.forEachEntry(in: inode.number) { entry in
                // Set apart from an error of the listing itself.
                do {
                    if entry.kind == .directory {
                        subdirectories.append(entry)
                    } else {
                        try sendEntry(entry, in: inode.number, path)
                    }
                } catch {
                    failure = error
                    throw error
                }
            }
        }
        if let failure { throw failure }
        return Frame(inode: inode, path: path, attributes: attributes, subdirectories: subdirectories[...])
    }

    private func sendEntry(_ entry: DirectoryEntry, in directory: InodeNumber, _ parent: RelativePath) throws {
        let path = try path(entry.name, in: parent)
        if try isPlacedExisting(entry, in: directory, at: path) { return }
        try sendNew(entry.inode, at: path)
    }

    /// Sends a new inode, with all below it, to a path where nothing is.
    func sendNew(_ number: InodeNumber, at path: RelativePath) throws {
        if let first = firstPaths[number] { return try emit(.link(path, to: first)) }
        guard let made = try make(number, at: path) else { return }
        var inode = made.inode
        let attributes = made.attributes
        if inode.kind == .directory { return try sendTree(inode, at: path, attributes) }
        if inode.linkCount > 1 { firstPaths[number] = path }
        if inode.kind == .regular {
            // Some can be given to an empty file only (nocow), and some say how contents are stored (compression).
            if inode.flags != 0 { try emitFlags(beforeContents: inode.flags, at: path) }
            try sendContents(of: inode, at: path)
            inode = try sendContentsAgain(of: inode, at: path)
        }
        try describeNew(inode, at: path, attributes)
    }

    /// Makes an inode with nothing in it. Nil where it cannot be read and is left out; a directory never is,
    /// since what is in it may be readable.
    private func make(_ number: InodeNumber, at path: RelativePath) throws -> (
        inode: Inode, attributes: [ExtendedAttribute]
    )? {
        guard let found = try reading(path, { try source.inode(number) }) else { return nil }
        guard let inode = found else {
            losses.add(.unreadable, path.description)
            return nil
        }
        let read = try reading(path) { try source.extendedAttributes(of: number) }
        guard let attributes = read ?? (inode.kind == .directory ? [] : nil) else { return nil }
        let identity = InodeIdentity(number: number, generation: header.isBookmark ? inode.birthGeneration : 0)
        switch inode.kind {
        case .regular: try emit(.makeFile(path, identity))
        case .directory: try emit(.makeDirectory(path, identity))
        case .fifo: try emit(.makeFIFO(path, identity))
        case .socket: try emit(.makeSocket(path, identity))
        case .characterDevice, .blockDevice:
            let mode = inode.kind.modeBits | inode.permissions
            try emit(.makeNode(path, identity, mode: mode, device: inode.device))
        case .symbolicLink:
            guard let target = try reading(path, { try source.symbolicLinkTarget(of: number) }) else { return nil }
            try emit(.makeSymbolicLink(path, identity, target: target))
        }
        try sink.countInode()
        return (inode, attributes)
    }

    /// Everything but contents: the owner first, since a change of owner clears setuid and capabilities, and
    /// the times after all that changes them.
    private func describeNew(_ inode: Inode, at path: RelativePath, _ attributes: [ExtendedAttribute]) throws {
        try emit(.changeOwner(path, owner: inode.owner, group: inode.group))
        if inode.kind != .symbolicLink { try emit(.changeMode(path, permissions: inode.permissions)) }
        for attribute in attributes { try emit(.setExtendedAttribute(path, attribute)) }
        try emitTimes(inode.times, at: path)
        if inode.flags != 0 { try emitFlags(afterContents: inode.flags, at: path, of: inode.kind) }
    }
}

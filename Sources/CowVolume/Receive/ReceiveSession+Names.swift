import SnapshotModel

/// Names: what makes, moves and removes them.
extension ReceiveSession {
    /// What a path names.
    func resolve(_ path: RelativePath) throws -> EntryItem {
        if let lastResolved, lastResolved.path == path { return lastResolved.item }
        guard let (parent, name) = path.split else {
            return EntryItem(inode: FileLimits.rootDirectory, kind: .directory, generation: 0)
        }
        guard let item = try entry(name, in: try directory(parent)) else {
            throw invalid("there is nothing under this path", path)
        }
        lastResolved = (path, item)
        return item
    }

    func regularFile(_ path: RelativePath) throws -> UInt64 {
        let item = try resolve(path)
        guard item.kind == .regular else { throw invalid("this is not a regular file", path) }
        return item.inode
    }

    /// The directory that a path names.
    private func directory(_ path: RelativePath) throws -> UInt64 {
        if path.isRoot { return FileLimits.rootDirectory }
        if let known = directories[path] { return known }
        guard let (parent, name) = path.split, let item = try entry(name, in: try directory(parent)) else {
            throw invalid("there is no such directory", path)
        }
        guard item.kind == .directory else { throw invalid("this is not a directory", path) }
        if directories.count >= ReceiveSession.maximumRememberedPaths { directories.removeAll() }
        directories[path] = item.inode
        return item.inode
    }

    private func entry(_ name: FileName, in directory: UInt64) throws -> EntryItem? {
        try tree.editor.find(ItemKey(directory, .entry, name: name.bytes)).map { try EntryItem(parsing: $0) }
    }

    /// The directory and name of a path under which something can stand.
    private func place(_ path: RelativePath) throws -> (directory: UInt64, name: FileName) {
        guard let (parent, name) = path.split else { throw invalid("the root cannot be made, moved or removed", path) }
        return (try directory(parent), name)
    }

    private func addName(_ place: (directory: UInt64, name: FileName), _ inode: UInt64, _ kind: FileKind) throws {
        let item = EntryItem(inode: inode, kind: kind, generation: tree.generation)
        try tree.editor.put(ItemKey(place.directory, .entry, name: place.name.bytes), item.encoded)
        try tree.editor.put(ItemKey(inode, .link, offset: place.directory, name: place.name.bytes), [])
    }

    private func removeName(_ place: (directory: UInt64, name: FileName), _ inode: UInt64) throws {
        try tree.editor.remove(ItemKey(place.directory, .entry, name: place.name.bytes))
        try tree.editor.remove(ItemKey(inode, .link, offset: place.directory, name: place.name.bytes))
        lastResolved = nil
    }

    // MARK: Making

    func make(
        _ path: RelativePath, _ identity: InodeIdentity, _ kind: FileKind, _ fill: (inout Inode) -> Void = { _ in }
    ) throws {
        let place = try place(path)
        guard try entry(place.name, in: place.directory) == nil else {
            throw invalid("there is something under this path already", path)
        }
        // Before anything of the next one, so that nodes are filled in order.
        try flushBuffer()
        try writeCurrent()
        let number = try takeNumber(identity.number.rawValue)
        var inode = Inode(
            number: InodeNumber(number), birthGeneration: tree.generation, changeGeneration: tree.generation,
            kind: kind, permissions: kind == .directory ? 0o700 : 0o600, origin: identity.number)
        fill(&inode)
        try addName(place, number, kind)
        try adopt(inode)
        lastResolved = (path, EntryItem(inode: number, kind: kind, generation: tree.generation))
    }

    func makeNode(_ path: RelativePath, _ identity: InodeIdentity, mode: UInt32, device: UInt64) throws {
        guard let kind = FileKind(mode: mode), kind != .directory, kind != .symbolicLink else {
            throw invalid("a mode of 0\(String(mode, radix: 8)) makes no node", path)
        }
        let isDevice = kind == .characterDevice || kind == .blockDevice
        try make(path, identity, kind) { inode in
            inode.permissions = mode & 0o7777
            inode.device = isDevice ? device : 0
        }
    }

    func makeSymbolicLink(_ path: RelativePath, _ identity: InodeIdentity, target: [UInt8]) throws {
        guard !target.isEmpty, target.count <= RelativePath.maximumLength, !target.contains(0) else {
            throw invalid("a symbolic link's target has 1 to \(RelativePath.maximumLength) bytes without NUL", path)
        }
        try make(path, identity, .symbolicLink) { inode in
            inode.permissions = 0o777
            inode.size = UInt64(target.count)
        }
        let number = try resolve(path).inode
        try tree.editor.put(ItemKey(number, .symbolicLinkTarget), target)
    }

    /// The number that the sender has for the inode where it is free, else one that was never used.
    private func takeNumber(_ proposed: UInt64) throws -> UInt64 {
        let next = tree.record.nextInode
        if proposed != 0, proposed != FileLimits.rootDirectory, proposed < FileLimits.proposedNumberLimit {
            if proposed >= next {
                tree.record.nextInode = proposed + 1
                return proposed
            }
            try writeCurrent()
            if try tree.editor.find(ItemKey(proposed, .inode)) == nil { return proposed }
        }
        guard next < FileLimits.maximumSize else {
            throw SnapshotError(.limitExceeded, "the dataset has used up its inode numbers")
        }
        tree.record.nextInode = next + 1
        return next
    }

    // MARK: Moving and linking

    func link(_ path: RelativePath, to target: RelativePath) throws {
        let item = try resolve(target)
        guard item.kind != .directory else { throw invalid("a directory has one name only", target) }
        let place = try place(path)
        guard try entry(place.name, in: place.directory) == nil else {
            throw invalid("there is something under this path already", path)
        }
        try change(item.inode) { inode in
            guard inode.linkCount < .max else { throw invalid("an inode has too many names", path) }
            inode.linkCount += 1
        }
        try addName(place, item.inode, item.kind)
    }

    func rename(_ path: RelativePath, to target: RelativePath) throws {
        let from = try place(path)
        guard let item = try entry(from.name, in: from.directory) else {
            throw invalid("there is nothing under this path", path)
        }
        let to = try place(target)
        if item.kind == .directory, target != path, target.isWithin(path) {
            throw invalid("a directory cannot be moved below itself", target)
        }
        if let replaced = try entry(to.name, in: to.directory) {
            // rename(2): two names of one inode stay as they are.
            if replaced.inode == item.inode { return }
            guard (replaced.kind == .directory) == (item.kind == .directory) else {
                throw invalid("a directory and something else cannot replace one another", target)
            }
            if replaced.kind == .directory { try removeDirectory(target) } else { try unlink(target) }
        }
        try removeName(from, item.inode)
        try addName(to, item.inode, item.kind)
        try change(item.inode) { _ in }
        if item.kind == .directory { directories.removeAll() }
    }

    // MARK: Removing

    func unlink(_ path: RelativePath) throws {
        let place = try place(path)
        guard let item = try entry(place.name, in: place.directory) else {
            throw invalid("there is nothing under this path", path)
        }
        guard item.kind != .directory else { throw invalid("a directory cannot be unlinked", path) }
        try removeName(place, item.inode)
        let inode = try inode(item.inode)
        if inode.linkCount > 1 {
            try change(item.inode) { $0.linkCount -= 1 }
        } else {
            try removeInode(inode)
        }
    }

    func removeDirectory(_ path: RelativePath) throws {
        let place = try place(path)
        guard let item = try entry(place.name, in: place.directory) else {
            throw invalid("there is nothing under this path", path)
        }
        guard item.kind == .directory else { throw invalid("this is not a directory", path) }
        var isEmpty = true
        try tree.editor.forEachItem(from: ItemKey(item.inode, .entry), root: tree.editor.root) { _, _ in
            isEmpty = false
            return false
        }
        guard isEmpty else { throw invalid("the directory is not empty", path) }
        try removeName(place, item.inode)
        try removeInode(try inode(item.inode))
        directories.removeAll()
    }

    /// Removes everything of an inode that has lost its last name.
    private func removeInode(_ inode: Inode) throws {
        let number = inode.number.rawValue
        if buffer?.number == number { buffer = nil }
        try settle(number)
        forget(inode)
        while true {
            var keys: [ItemKey] = []
            var cursor = TreeCursor(tree.editor, root: tree.editor.root)
            try cursor.seek(ItemKey(number, .inode))
            while let key = cursor.key, key.object == number, keys.count < ReceiveSession.itemsAtOnce {
                keys.append(key)
                try cursor.advance()
            }
            if keys.isEmpty { return }
            for key in keys { try tree.editor.remove(key) }
        }
    }

    // MARK: Extended attributes

    func setAttribute(_ path: RelativePath, _ attribute: ExtendedAttribute) throws {
        let item = try resolve(path)
        guard !attribute.name.isEmpty, attribute.name.count <= ExtendedAttribute.maximumNameLength,
            !attribute.name.contains(0), attribute.value.count <= ExtendedAttribute.maximumValueLength
        else { throw invalid("an extended attribute's name or value is too long or empty", path) }
        try tree.editor.put(ItemKey(item.inode, .extendedAttribute, name: attribute.name), attribute.value)
        try change(item.inode) { _ in }
    }

    func removeAttribute(_ path: RelativePath, _ name: [UInt8]) throws {
        let item = try resolve(path)
        guard try tree.editor.remove(ItemKey(item.inode, .extendedAttribute, name: name)) else {
            throw invalid("there is no extended attribute \(EscapedBytes.describe(name))", path)
        }
        try change(item.inode) { _ in }
    }
}

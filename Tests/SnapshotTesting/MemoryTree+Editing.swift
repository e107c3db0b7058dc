package import SnapshotModel

/// Changes, as strict as a kernel: what does not fit is an error.
extension MemoryTree {
    private func misuse(_ message: String, _ name: FileName? = nil) -> SnapshotError {
        SnapshotError(.invalidInstruction, message, place: name?.description ?? identity.name)
    }

    /// Marks a change of the inode itself.
    func touch(_ number: InodeNumber) {
        nodes[number]?.inode.changeGeneration = generation
        if keepsChangeTimes { nodes[number]?.inode.times.changed = now }
    }

    /// Marks a change of contents, of a file or of a directory.
    func touchContents(_ number: InodeNumber) {
        touch(number)
        if !isTold { nodes[number]?.inode.times.modified = now }
    }

    private func add(_ number: InodeNumber, _ name: FileName, in directory: InodeNumber) throws {
        // Without a copy of the directory in hand, which would make every change of it copy all entries.
        guard nodes[directory]?.inode.kind == .directory else { throw misuse("the parent is no directory", name) }
        guard nodes[directory]?.entries[name] == nil else { throw misuse("the name is taken", name) }
        nodes[directory]?.entries[name] = number
        nodes[number]?.links.insert(InodeLink(directory: directory, name: name))
        touchContents(directory)
    }

    private func drop(_ name: FileName, in directory: InodeNumber) throws -> InodeNumber {
        guard let number = nodes[directory]?.entries.removeValue(forKey: name) else {
            throw misuse("there is nothing of this name", name)
        }
        nodes[number]?.links.remove(InodeLink(directory: directory, name: name))
        touchContents(directory)
        return number
    }

    private func recount(_ number: InodeNumber) {
        guard let node = nodes[number], node.inode.kind != .directory else { return }
        nodes[number]?.inode.linkCount = UInt32(node.links.count)
        touch(number)
        if node.links.isEmpty { nodes[number] = nil }
    }

    /// Makes an inode under a name, with no permissions and owned by root.
    package func make(_ inode: Inode, _ name: FileName, in directory: InodeNumber, target: [UInt8] = []) throws {
        guard nodes[inode.number] == nil else { throw misuse("inode \(inode.number.rawValue) exists", name) }
        var inode = inode
        inode.linkCount = 1
        inode.size = inode.kind == .symbolicLink ? UInt64(target.count) : 0
        nodes[inode.number] = Node(inode: inode, target: target)
        do {
            try add(inode.number, name, in: directory)
        } catch {
            nodes[inode.number] = nil
            throw error
        }
        touchContents(inode.number)
        nodes[inode.number]?.inode.times.accessed = now
    }

    /// Gives an inode, but no directory, a further name.
    package func link(_ number: InodeNumber, _ name: FileName, in directory: InodeNumber) throws {
        guard try node(number).inode.kind != .directory else { throw misuse("a directory has one name", name) }
        try add(number, name, in: directory)
        recount(number)
    }

    package func unlink(_ name: FileName, in directory: InodeNumber) throws {
        guard let entry = try lookup(name, in: directory), entry.kind != .directory else {
            throw misuse("there is nothing to unlink", name)
        }
        recount(try drop(name, in: directory))
    }

    package func removeDirectory(_ name: FileName, in directory: InodeNumber) throws {
        guard let entry = try lookup(name, in: directory), entry.kind == .directory else {
            throw misuse("there is no directory to remove", name)
        }
        guard try node(entry.inode).entries.isEmpty else { throw misuse("the directory is not empty", name) }
        nodes[try drop(name, in: directory)] = nil
    }

    /// Moves a name to where nothing is; a directory never into itself.
    package func rename(
        _ name: FileName, in directory: InodeNumber, to newName: FileName, in newDirectory: InodeNumber
    ) throws {
        guard let entry = try lookup(name, in: directory) else { throw misuse("there is nothing to rename", name) }
        guard try lookup(newName, in: newDirectory) == nil else { throw misuse("the new name is taken", newName) }
        if entry.kind == .directory, try isWithin(newDirectory, entry.inode) {
            throw misuse("a directory cannot move into itself", name)
        }
        try add(try drop(name, in: directory), newName, in: newDirectory)
        touch(entry.inode)
    }

    /// Whether a directory lies in another, or is it.
    package func isWithin(_ directory: InodeNumber, _ ancestor: InodeNumber) throws -> Bool {
        var current = directory
        while current != ancestor {
            guard let link = try node(current).links.first else { return false }
            current = link.directory
        }
        return true
    }

    package func change(_ number: InodeNumber, _ body: (inout Inode) -> Void) throws {
        _ = try node(number)
        if var inode = nodes[number]?.inode {
            body(&inode)
            nodes[number]?.inode = inode
        }
        touch(number)
    }

    package func setAttribute(_ number: InodeNumber, _ name: [UInt8], _ value: [UInt8]?) throws {
        _ = try node(number)
        nodes[number]?.attributes[name] = value
        touch(number)
    }

    /// Removes an inode with everything below it.
    package func removeTree(_ name: FileName, in directory: InodeNumber) throws {
        guard let entry = try lookup(name, in: directory) else { throw misuse("there is nothing to remove", name) }
        guard entry.kind == .directory else { return try unlink(name, in: directory) }
        for child in try node(entry.inode).entries.keys.sorted() { try removeTree(child, in: entry.inode) }
        try removeDirectory(name, in: directory)
    }
}

/// Changes of contents.
extension MemoryTree {
    private func file(_ number: InodeNumber) throws -> Node {
        let node = try node(number)
        guard node.inode.kind == .regular else { throw misuse("only a regular file has contents") }
        return node
    }

    private func replace(_ number: InodeNumber, _ contents: MemoryContents, size: UInt64) {
        nodes[number]?.contents = contents
        nodes[number]?.inode.size = size
        touchContents(number)
    }

    /// Writes bytes as one new extent. The kernel drops a capability when it does this, and so does this.
    package func write(_ number: InodeNumber, at offset: UInt64, _ bytes: [UInt8]) throws {
        let node = try file(number)
        let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.count))
        guard !overflow, end <= 1 << 40 else { throw misuse("a write beyond the largest file") }
        var contents = node.contents
        let extent = store.extent(of: bytes, generation: generation)
        contents.put(.init(offset: offset, length: UInt64(bytes.count), body: .data(extent, start: 0)))
        replace(number, contents, size: max(node.inode.size, end))
        nodes[number]?.attributes[MemoryTree.capability] = nil
    }

    /// Puts a range in place of which only the identity is known.
    package func putSkeleton(_ number: InodeNumber, _ extent: FileExtent) throws {
        let node = try file(number)
        var contents = node.contents
        let body: MemoryContents.Body =
            switch extent.content {
            case .data(let identity): .skeleton(identity)
            case .inline: .skeleton(nil)
            case .preallocated: .preallocated
            }
        contents.put(.init(offset: extent.offset, length: extent.length, body: body))
        replace(number, contents, size: node.inode.size)
    }

    /// - Parameter keepingExtents: as in a bookmark, which tells extents first and then the size.
    package func truncate(_ number: InodeNumber, to size: UInt64, keepingExtents: Bool = false) throws {
        let node = try file(number)
        var contents = node.contents
        // What is cut off does not come back when the file grows again; what was set aside behind the end
        // stays when it grows.
        if size <= node.inode.size, !keepingExtents { contents.clear(size..<UInt64.max) }
        replace(number, contents, size: size)
    }

    package func punchHole(_ number: InodeNumber, _ range: Range<UInt64>) throws {
        let node = try file(number)
        var contents = node.contents
        contents.clear(range)
        replace(number, contents, size: node.inode.size)
    }

    package func preallocate(_ number: InodeNumber, _ range: Range<UInt64>, keepsSize: Bool) throws {
        let node = try file(number)
        var contents = node.contents
        contents.preallocate(range)
        replace(number, contents, size: keepsSize ? node.inode.size : max(node.inode.size, range.upperBound))
    }

    /// Shares a range of another file, or of the same one, by the rules of FICLONERANGE (ioctl_ficlonerange(2)):
    /// aligned to 4096, or up to the end of both files.
    package func clone(
        _ number: InodeNumber, at offset: UInt64, length: UInt64, from tree: MemoryTree, _ sourceNumber: InodeNumber,
        at sourceOffset: UInt64
    ) throws {
        let (node, other) = (try file(number), try tree.file(sourceNumber))
        guard length > 0, sourceOffset <= other.inode.size, length <= other.inode.size - sourceOffset else {
            throw misuse("a clone of a range behind the end of its source")
        }
        guard offset % 4096 == 0, sourceOffset % 4096 == 0 else { throw misuse("a clone at an unaligned offset") }
        let end = offset + length
        let reachesEnds = sourceOffset + length == other.inode.size && end >= node.inode.size
        guard length % 4096 == 0 || reachesEnds else { throw misuse("a clone of an unaligned length") }
        if tree === self, number == sourceNumber {
            guard end <= sourceOffset || offset >= sourceOffset + length else { throw misuse("a clone onto itself") }
        }
        var contents = node.contents
        contents.clear(offset..<end)
        for part in other.contents.parts(in: sourceOffset..<sourceOffset + length) {
            contents.put(.init(offset: part.offset - sourceOffset + offset, length: part.length, body: part.body))
        }
        replace(number, contents, size: max(node.inode.size, end))
    }

    static let capability = Array("security.capability".utf8)

    /// A value that kernels take (`vfs_ns_cap_data` of revision 2 in `linux/capability.h`: magic, then permitted
    /// and inheritable sets, in two halves): some of the lowest eight capabilities permitted.
    static func capabilityValue(_ permitted: UInt8) -> [UInt8] {
        [0, 0, 0, 2, permitted] + [UInt8](repeating: 0, count: 15)
    }
}

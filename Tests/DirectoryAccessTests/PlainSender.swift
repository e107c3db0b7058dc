import SnapshotModel

/// Sends a whole tree in the plainest way: each inode where its first name is, its attributes behind it.
struct PlainSender {
    let tree: any SnapshotTree
    let target: any ReplayTarget
    private var firstPaths: [InodeNumber: RelativePath] = [:]

    static func send(
        _ tree: any SnapshotTree, to target: any ReplayTarget, name: String = "snapshot",
        as reference: SnapshotReference = SnapshotReference(uuid: .random(), generation: 1)
    ) throws {
        try target.begin(SnapshotHeader(name: name, snapshot: reference))
        var sender = PlainSender(tree: tree, target: target)
        try sender.sendDirectory(tree.root, .root)
        try target.finish()
    }

    private mutating func sendDirectory(_ number: InodeNumber, _ path: RelativePath) throws {
        try tree.forEachEntry(in: number) { entry in
            try send(entry, path.appending(entry.name))
        }
        try sendAttributes(try tree.existingInode(number), path)
    }

    private mutating func send(_ entry: DirectoryEntry, _ path: RelativePath) throws {
        let inode = try tree.existingInode(entry.inode)
        if inode.linkCount > 1, let first = firstPaths.updateValue(path, forKey: inode.number) {
            firstPaths[inode.number] = first
            return try target.apply(.link(path, to: first))
        }
        switch inode.kind {
        case .regular:
            _ = try tree.extendedAttributes(of: inode.number)
            try target.apply(.makeFile(path, inode.identity))
            try sendContents(inode, path)
        case .directory:
            try target.apply(.makeDirectory(path, inode.identity))
            return try sendDirectory(inode.number, path)
        case .symbolicLink:
            let link = try tree.symbolicLinkTarget(of: inode.number)
            try target.apply(.makeSymbolicLink(path, inode.identity, target: link))
        case .fifo: try target.apply(.makeFIFO(path, inode.identity))
        case .socket: try target.apply(.makeSocket(path, inode.identity))
        case .characterDevice, .blockDevice:
            let mode = inode.kind.modeBits | inode.permissions
            try target.apply(.makeNode(path, inode.identity, mode: mode, device: inode.device))
        }
        try sendAttributes(inode, path)
    }

    private func sendContents(_ inode: Inode, _ path: RelativePath) throws {
        try tree.forEachExtent(of: inode.number, from: 0) { extent in
            var offset = extent.offset
            while offset < min(extent.end, inode.size) {
                let count = Int(min(131_072, extent.end - offset))
                let data = try tree.read(inode.number, at: offset, count: count)
                guard !data.isEmpty else { return }
                try target.apply(.write(path, offset: offset, data: data))
                offset += UInt64(data.count)
            }
        }
        try target.apply(.truncate(path, size: inode.size))
    }

    private func sendAttributes(_ inode: Inode, _ path: RelativePath) throws {
        for attribute in try tree.extendedAttributes(of: inode.number) {
            try target.apply(.setExtendedAttribute(path, attribute))
        }
        if inode.kind != .symbolicLink {
            try target.apply(.changeMode(path, permissions: inode.permissions))
        }
        // After the mode and the attributes, which it must not take away.
        try target.apply(.changeOwner(path, owner: inode.owner, group: inode.group))
        try target.apply(.setTimes(path, inode.times))
    }
}

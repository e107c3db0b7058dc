package import SnapshotModel

/// Contents of regular files, and targets of symbolic links.
extension BtrfsTree {
    /// The longest read (``SnapshotTree/read(_:at:count:)``).
    private static let maximumRead = 1 << 20

    package func symbolicLinkTarget(of number: InodeNumber) throws -> [UInt8] {
        guard try existingInode(number).kind == .symbolicLink, let target = try inlineBytes(of: number)?.bytes else {
            throw SnapshotError(.notFound, "inode \(number.rawValue) is no symbolic link", place: place)
        }
        return target
    }

    package func forEachExtent(
        of number: InodeNumber, from offset: UInt64, _ body: (FileExtent) throws -> Void
    ) throws {
        guard try existingInode(number).kind == .regular else { return }
        try forEachExtentItem(of: number, from: offset) { extent in
            guard let content = extent.content else { return true }
            try body(FileExtent(offset: extent.start, length: extent.length, content: content))
            return true
        }
    }

    /// Visits items from the one that holds or follows an offset on, holes too, until `body` says false.
    private func forEachExtentItem(
        of number: InodeNumber, from offset: UInt64, _ body: (ExtentItem) throws -> Bool
    ) throws {
        let last = ItemKey(number.rawValue, ItemKey.Kind.extent, .max)
        try located {
            try items.forEach(from: firstExtent(of: number, at: offset), through: last) { item in
                let extent = try item.read { bytes throws(SnapshotError) in
                    try ExtentItem(parsing: bytes, start: item.key.offset)
                }
                return try extent.end > offset ? body(extent) : true
            }
        }
    }

    /// The key from which on all extents are found that reach behind an offset.
    private func firstExtent(of number: InodeNumber, at offset: UInt64) throws -> ItemKey {
        func key(_ offset: UInt64) -> ItemKey { ItemKey(number.rawValue, ItemKey.Kind.extent, offset) }
        // No extent is longer than 256 MiB, which space is set aside in. Most are far shorter.
        for step: UInt64 in [0, 1 << 17, 1 << 22, 1 << 28] where step <= offset {
            if let before = items.itemAtHand(before: key(offset - step)),
                before.key.object == number.rawValue, before.key.type == ItemKey.Kind.extent
            {
                return before.key
            }
            var isFound = false
            try items.forEach(from: key(offset - step), through: key(offset)) { _ in
                isFound = true
                return false
            }
            if isFound { return key(offset - step) }
        }
        return key(offset - min(offset, 1 << 28))
    }

    package func read(_ number: InodeNumber, at offset: UInt64, count: Int) throws -> ArraySlice<UInt8> {
        let inode = try existingInode(number)
        guard inode.kind == .regular, offset < inode.size, count > 0 else { return [] }
        let count = Int(min(UInt64(min(count, BtrfsTree.maximumRead)), inode.size - offset))
        // Other extents, or a hole, can lie behind the inline one.
        if let bytes = try inlineContents(of: inode), offset + UInt64(count) <= UInt64(bytes.count) {
            return bytes[Int(offset)..<Int(offset) + count]
        }
        if let bytes = try filesAhead.contents(of: number, smallFile, more: expectMoreFiles),
            offset + UInt64(count) <= UInt64(bytes.count)
        {
            return bytes[Int(offset)..<Int(offset) + count]
        }
        return try located { try contents.read(inode, at: offset, count: count) }
    }

    /// An inode, where it is a small file of one name whose contents are not in the tree.
    private func smallFile(_ number: InodeNumber) throws -> Inode? {
        guard let inode = try inode(number), inode.linkCount == 1, inode.size > 0,
            inode.size <= UInt64(FileContents.pieceLength), try inlineBytes(of: number) == nil
        else { return nil }
        return inode
    }

    package func identity(ofInline extent: FileExtent, of number: InodeNumber) throws -> ExtentIdentity {
        guard let bytes = try inlineContents(of: existingInode(number)) else {
            throw SnapshotError(.notFound, "inode \(number.rawValue) has no inline contents", place: place)
        }
        return ExtentItem.identity(ofInline: bytes)
    }

    package func encodedExtent(_ extent: FileExtent, of number: InodeNumber) throws -> EncodedExtent? {
        guard case .data(.some) = extent.content, try isCompressed(extent, of: number) else { return nil }
        let inode = try existingInode(number)
        return try located { try contents.readEncoded(inode, at: extent.offset) }
    }

    private func isCompressed(_ extent: FileExtent, of number: InodeNumber) throws -> Bool {
        var compression = ExtentItem.Compression.none
        try forEachExtentItem(of: number, from: extent.offset) { item in
            if item.start <= extent.offset { compression = item.compression }
            return false
        }
        return compression != .none
    }

    /// What a file has in the tree itself, decompressed; nil where its contents lie elsewhere.
    private func inlineContents(of inode: Inode) throws -> ArraySlice<UInt8>? {
        guard let (bytes, extent) = try inlineBytes(of: inode.number) else { return nil }
        do {
            if let contents = try extent.decoded(inline: bytes) { return contents }
        } catch {
            throw error.placed(ifNeeded: place)
        }
        // Decompressed by the kernel.
        let count = min(Int(clamping: extent.length), Int(clamping: inode.size))
        return try located { try contents.read(inode, at: 0, count: count) }
    }

    private func inlineBytes(of number: InodeNumber) throws -> (bytes: [UInt8], extent: ExtentItem)? {
        try located {
            guard let item = try items.item(ItemKey(number.rawValue, ItemKey.Kind.extent)) else { return nil }
            return try item.read { bytes throws(SnapshotError) in
                let extent = try ExtentItem(parsing: bytes, start: 0)
                return extent.content == .inline ? (try ExtentItem.inlineBytes(bytes), extent) : nil
            }
        }
    }
}

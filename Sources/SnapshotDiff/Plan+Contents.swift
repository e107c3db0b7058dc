import SnapshotModel

/// The contents of files.
extension Plan {
    /// All contents of a new file.
    func sendContents(of inode: Inode, at path: RelativePath) throws {
        if header.isBookmark { return try sendSkeleton(of: inode, at: path) }
        let writer = ContentWriter(plan: self, inode: inode, path: path, reached: 0)
        var cursor = ExtentCursor(source, inode.number)
        var position: UInt64 = 0
        while let extent = try cursor.extent(at: position) {
            let end = extent.content == .preallocated ? extent.end : min(extent.end, inode.size)
            let start = max(extent.offset, position)
            position = extent.end
            guard start < end else { continue }
            if extent.content == .preallocated {
                if sink.accepts.contains(.allocation) { try writer.add(.preallocation, start..<end) }
            } else {
                try writer.addInTurn(extent.part(from: start, to: end))
            }
        }
        try writer.finish()
    }

    /// Sends contents anew that changed while they were read; as often as the source offers to be read again.
    ///
    /// - Returns: the inode as it was when its contents were read last.
    func sendContentsAgain(of inode: Inode, at path: RelativePath) throws -> Inode {
        var inode = inode
        while sink.readsData, let now = try source.inodeToReadAgain(inode.number) {
            inode = now
            try emit(.truncate(path, size: 0))
            try sendContents(of: inode, at: path)
        }
        return inode
    }

    /// What a bookmark keeps of contents.
    private func sendSkeleton(of inode: Inode, at path: RelativePath) throws {
        var hasSize = inode.size > 0
        try source.forEachExtent(of: inode.number, from: 0) { extent in
            try extent.check(in: source)
            hasSize = true
            var content = extent.content
            if content == .inline { content = .data(try source.identity(ofInline: extent, of: inode.number)) }
            try emit(.updateExtent(path, offset: extent.offset, length: extent.length, content))
        }
        // An empty file can have space set aside, behind which it would seem to end.
        if hasSize { try emit(.truncate(path, size: inode.size)) }
    }

    /// What of a file differs from the base. True where anything did.
    func sendChangedContents(_ new: Inode, _ old: Inode, at path: RelativePath) throws -> Bool {
        guard let comparison else { return false }
        if try comparison.hasSurelySameContents(new, old) { return false }
        let before = sink.totals.instructions
        let allocates = sink.accepts.contains(.allocation)
        var files = FilePair(comparison: comparison, new: new, old: old, allocates: allocates)
        let cut = try files.cutFirst()
        if let cut { try emit(.truncate(path, size: cut)) }
        let writer = ContentWriter(plan: self, inode: new, path: path, reached: cut ?? old.size)
        try files.forEachDifference { difference in
            switch difference {
            case .data(let extent): try writer.addInTurn(extent)
            case .hole(let range, let wasData): try addHole(range, wasData: wasData, to: writer)
            case .preallocated(let range, let wasData, let wasHole):
                if !wasHole { try addHole(range, wasData: wasData, to: writer) }
                try writer.add(.preallocation, range)
            case .end(let offset): try writer.cut(to: offset)
            }
        }
        try writer.finish()
        return sink.totals.instructions != before
    }

    /// A hole is punched where the target can; else only what held data is overwritten with zeros.
    private func addHole(_ range: Range<UInt64>, wasData: Bool, to writer: ContentWriter) throws {
        if sink.accepts.contains(.allocation), !header.withoutData {
            try writer.add(.hole, range)
        } else if wasData, range.lowerBound < writer.size {
            try writer.add(.zeros, range.lowerBound..<min(range.upperBound, writer.size))
        }
    }
}

import SnapshotModel

extension TreeComparison {
    /// What differs between two states of an inode; nothing where they only seemed to differ.
    func aspects(of pair: InodePair) throws -> Change.Aspects {
        guard let new = try source.inode(pair.source), let old = try base.inode(pair.base) else { return [] }
        var aspects: Change.Aspects = []
        if new.permissions != old.permissions { aspects.insert(.permissions) }
        if (new.owner, new.group) != (old.owner, old.group) { aspects.insert(.owner) }
        if new.flags != old.flags, options.contents == .identities { aspects.insert(.flags) }
        if new.times.modified != old.times.modified { aspects.insert(.modificationTime) }
        if !options.ignoresUnsettableTimes,
            (new.times.changed, new.times.accessed) != (old.times.changed, old.times.accessed)
        {
            aspects.insert(.otherTimes)
        }
        if try source.extendedAttributes(of: new.number) != base.extendedAttributes(of: old.number) {
            aspects.insert(.extendedAttributes)
        }
        switch new.kind {
        case .regular: if try hasOtherContents(new, old) { aspects.insert(.contents) }
        case .directory: if try hasOtherEntries(new, old) { aspects.insert(.entries) }
        default: break
        }
        return aspects
    }

    private struct DifferenceIsFound: Error {}

    private func hasOtherContents(_ new: Inode, _ old: Inode) throws -> Bool {
        if new.size != old.size { return true }
        if try hasSurelySameContents(new, old) { return false }
        var files = FilePair(comparison: self, new: new, old: old)
        var isFound = false
        do {
            try files.forEachDifference { difference in
                switch difference {
                case .hole(_, wasData: false), .preallocated(_, wasData: false, _): break
                case .data(let extent): isFound = try hasOtherBytes(extent.offset..<extent.end, new, old)
                case .hole(let range, _), .preallocated(let range, _, _):
                    isFound = try hasOtherBytes(range, new, old)
                case .end(let offset): isFound = try hasOtherBytes(offset..<new.size, new, old)
                }
                if isFound { throw DifferenceIsFound() }
            }
        } catch is DifferenceIsFound {}
        return isFound
    }

    /// Whether two files of one size differ in a range where they are laid out differently: zeros that were
    /// written and a hole read alike, which only a look at the bytes can tell.
    private func hasOtherBytes(_ range: Range<UInt64>, _ new: Inode, _ old: Inode) throws -> Bool {
        guard options.contents != .identities, source.holdsData, base.holdsData else { return true }
        var position = range.lowerBound
        while position < min(range.upperBound, new.size) {
            // 128 KiB of each, as everywhere that two files are read side by side.
            let count = Int(min(131_072, min(range.upperBound, new.size) - position))
            let bytes = try source.read(new.number, at: position, count: count)
            if try bytes != base.read(old.number, at: position, count: count) { return true }
            position += UInt64(count)
        }
        return false
    }

    private func hasOtherEntries(_ new: Inode, _ old: Inode) throws -> Bool {
        let lists = try lists()
        return lists.added.contains(directory: new.number) || lists.removed.contains(directory: old.number)
    }
}

extension [EntryChange] {
    /// Whether a list in the order of directories has an entry in one.
    func contains(directory: InodeNumber) -> Bool {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].directory < directory { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low].directory == directory
    }
}

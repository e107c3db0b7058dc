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
        if options.contents == .times, hasSameTimes(new, old) { return false }
        var files = FilePair(comparison: self, new: new, old: old)
        var isFound = false
        do {
            try files.forEachDifference { difference in
                switch difference {
                case .hole(_, wasData: false), .preallocated(_, wasData: false, _): break
                case .data, .hole, .preallocated, .end:
                    isFound = true
                    throw DifferenceIsFound()
                }
            }
        } catch is DifferenceIsFound {}
        return isFound
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

import SnapshotModel

/// Inodes that both trees have.
extension Plan {
    private static let capability = Array("security.capability".utf8)

    /// Sends what differs of one inode; its names are in place.
    func sendChanged(_ pair: InodePair, in comparison: TreeComparison) throws {
        if try sendTimes(pair, in: comparison) { return }
        guard let old = try comparison.base.inode(pair.base),
            let reached = try reading(nil, { try finalPath(of: pair.source) }), let path = reached,
            let found = try reading(path, { try source.inode(pair.source) }), var new = found
        else { return }
        guard let attributes = try reading(path, { try source.extendedAttributes(of: new.number) }) else { return }
        let former = try comparison.base.extendedAttributes(of: old.number)
        let mayChange =
            comparison.differsInTimes(new, old) || comparison.differsInAttributes(new, old) || attributes != former
            || new.size != old.size || (new.kind == .regular && comparison.options.contents == .contents)
        if mayChange {
            try unlock(old.number, at: path, in: comparison)
        }
        let before = sink.totals.instructions

        // A change of owner, and of contents, takes the capability away: nothing is left to remove afterwards.
        let hadCapability = former.contains { $0.name == Plan.capability }
        if hadCapability, !attributes.contains(where: { $0.name == Plan.capability }) {
            try emit(.removeExtendedAttribute(path, name: Plan.capability))
        }
        let hasNewContents = try new.kind == .regular && sendChangedContents(new, old, at: path)
        if hasNewContents { new = try sendContentsAgain(of: new, at: path) }
        let hasNewOwner = (new.owner, new.group) != (old.owner, old.group)
        if hasNewOwner { try emit(.changeOwner(path, owner: new.owner, group: new.group)) }
        if new.kind != .symbolicLink, hasNewOwner || new.permissions != old.permissions {
            try emit(.changeMode(path, permissions: new.permissions))
        }
        try sendAttributes(attributes, former, at: path, resettingCapability: hasNewOwner || hasNewContents)

        // Flags that were taken off come back when nothing more is to be changed.
        let hasNewFlags =
            Plan.canHaveFlags(new.kind) && new.flags != old.flags && sink.accepts.contains(.flags)
            && !moves.unlocked.contains(old.number)
        let isChanged = sink.totals.instructions != before || comparison.differsInTimes(new, old)
        if isChanged || hasNewFlags { try sink.countInode() }
        if new.kind == .directory {
            if isChanged || hasNewFlags { moves.touched.insert(new.number) }
        } else if isChanged {
            try emitTimes(new.times, at: path)
        }
        if hasNewFlags { try emitFlags(new.flags, at: path) }
    }

    /// Sends new times where the source knows that nothing else is new; false where it does not.
    private func sendTimes(_ pair: InodePair, in comparison: TreeComparison) throws -> Bool {
        guard comparison.options.contents == .identities, pair.source == pair.base, pair.source != root,
            let change = source.timesChange(of: pair.source, from: comparison.base),
            change.flags & Plan.lockingFlags == 0
        else { return false }
        guard comparison.counts(change) else { return true }
        guard let parent = try placedPath(of: change.link.directory) else { return false }
        let path = try path(change.link.name, in: parent)
        try sink.countInode()
        if change.kind == .directory {
            moves.touched.insert(pair.source)
        } else {
            try emitTimes(change.times, at: path)
        }
        return true
    }

    private func sendAttributes(
        _ attributes: [ExtendedAttribute], _ former: [ExtendedAttribute], at path: RelativePath,
        resettingCapability: Bool
    ) throws {
        let names = Set(attributes.map(\.name))
        for attribute in former where !names.contains(attribute.name) && attribute.name != Plan.capability {
            try emit(.removeExtendedAttribute(path, name: attribute.name))
        }
        let known = Set(former)
        for attribute in attributes {
            let isLost = resettingCapability && attribute.name == Plan.capability
            if isLost || !known.contains(attribute) { try emit(.setExtendedAttribute(path, attribute)) }
        }
    }

    /// Sets the times of directories again in which anything was made, moved or removed.
    func restoreTimes() throws {
        var directories: [(path: RelativePath, number: InodeNumber)] = []
        for number in moves.touched.sorted() {
            let path = try reading { try placedPath(of: number) }
            if case let path?? = path { directories.append((path, number)) }
        }
        directories.sort { $0.path < $1.path }
        for (path, number) in directories {
            guard let found = try reading(path, { try source.inode(number) }), let inode = found else { continue }
            try emitTimes(inode.times, at: path)
        }
    }
}

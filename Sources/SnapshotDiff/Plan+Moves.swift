import SnapshotModel

/// Names: what is new comes to its place, and what stands in the way goes out of it.
///
/// Directories are gone through from the top, so that all above a directory is in its final place before
/// anything is put into it. What moves therefore never moves below itself, and no cycle of directories can
/// come about; only names can stand in each other's way.
extension Plan {
    func sendChanges() throws {
        guard let comparison else { return }
        let lists = try comparison.lists()
        prepareMoves(lists)
        for entry in lists.added where entry.kind == .directory {
            if try match(entry.inode) != nil { moves.waiting.insert(entry.inode) }
        }
        try sendAdded(in: comparison)
        try restoreLiftedAttributes(in: comparison)
        try sendRemoved(in: comparison)
        for pair in lists.changed { try sendChanged(pair, in: comparison) }
        try restoreTimes()
        try restoreFlags(in: comparison)
    }

    private func prepareMoves(_ lists: ChangeLists) {
        moves.added = lists.added
        moves.isAdded = [Bool](repeating: false, count: lists.added.count)
        for (index, entry) in lists.added.enumerated() { moves.addedByInode[entry.inode, default: []].append(index) }
        for entry in lists.removed {
            moves.removals[entry.link] = MoveState.Removal(inode: entry.inode, kind: entry.kind)
        }
    }

    /// Puts every added entry in its place, directories in the order of their paths.
    private func sendAdded(in comparison: TreeComparison) throws {
        var directories: [(path: [UInt8], range: Range<Int>)] = []
        var start = 0
        while start < moves.added.count {
            let directory = moves.added[start].directory
            let end = moves.added[start...].firstIndex { $0.directory != directory } ?? moves.added.count
            // What is in a new directory is sent with it.
            if try match(directory) != nil, let path = try source.path(of: directory, below: root) {
                directories.append((path.bytes, start..<end))
            }
            start = end
        }
        directories.sort { $0.path.lexicographicallyPrecedes($1.path) }
        var files = directories.flatMap { moves.added[$0.range] }.filter { $0.kind == .regular }.map(\.inode)[...]
        for (_, range) in directories {
            source.expectReads(of: files)
            files = files.dropFirst(moves.added[range].count { $0.kind == .regular })
            // A directory below one that could not be read is not reached.
            guard try placedPath(of: moves.added[range.lowerBound].directory) != nil else { continue }
            for index in range { try place(index, in: comparison) }
        }
    }

    /// Places an entry whose directory is in place. What stands there and has its own place free to go to is
    /// placed first, along chains of any length.
    private func place(_ index: Int, in comparison: TreeComparison) throws {
        var chain = [index]
        var isInChain: Set<Int> = [index]
        while let next = chain.last {
            guard !moves.isAdded[next] else {
                chain.removeLast()
                continue
            }
            let entry = moves.added[next]
            if let blocker = try clear(entry, isInChain, in: comparison) {
                chain.append(blocker)
                isInChain.insert(blocker)
                continue
            }
            guard let parent = try placedPath(of: entry.directory) else { return }
            moves.isAdded[next] = true
            try install(entry, at: path(entry.name, in: parent), in: comparison)
            chain.removeLast()
        }
    }

    /// Frees the name that an entry is to have. Where its holder can go straight to its own place, nothing is
    /// done, and the index of that entry returned.
    private func clear(_ entry: EntryChange, _ chain: Set<Int>, in comparison: TreeComparison) throws -> Int? {
        guard let directory = try match(entry.directory) else { return nil }
        let link = InodeLink(directory: directory, name: entry.name)
        guard let removal = moves.removals[link], !removal.isDone else { return nil }
        let path = try self.path(of: .old(link), in: comparison)
        try unlockParent(directory, of: path, in: comparison)
        if let number = try comparison.correspondence.source(of: removal.inode) {
            let names = try currentNames(of: removal.inode, in: comparison)
            if names.count > 1 {
                moves.names[removal.inode] = names.filter { $0 != .old(link) }
                try unlink(removal.inode, at: path, in: comparison)
            } else {
                for index in moves.addedByInode[number] ?? [] where !moves.isAdded[index] && !chain.contains(index) {
                    if try placedPath(of: moves.added[index].directory) != nil { return index }
                }
                try moveAway(removal.inode, from: path, in: comparison)
                moves.names[removal.inode] = moves.temporaries[removal.inode].map { [.temporary($0)] }
            }
        } else if removal.kind == .directory {
            try moveAway(removal.inode, from: path, in: comparison)
        } else {
            try unlink(removal.inode, at: path, in: comparison)
        }
        moves.removals[link]?.isDone = true
        try touch(old: directory, in: comparison)
        return nil
    }

    /// Gives something a name in the root that neither tree has there.
    private func moveAway(_ number: InodeNumber, from path: RelativePath, in comparison: TreeComparison) throws {
        var name: FileName
        repeat {
            name = moves.nextTemporaryName(for: number)
        } while try source.lookup(name, in: root) != nil
            || comparison.base.lookup(name, in: comparison.base.root) != nil
        try unlock(number, at: path, in: comparison)
        try unlock(comparison.base.root, at: .root, in: comparison)
        try emit(.rename(path, to: .root.appending(name)))
        moves.temporaries[number] = name
        moves.touched.insert(root)
    }

    /// Brings an inode to a free name.
    private func install(_ entry: EntryChange, at path: RelativePath, in comparison: TreeComparison) throws {
        if let directory = try match(entry.directory) {
            moves.touched.insert(entry.directory)
            try unlockParent(directory, of: path, in: comparison)
        }
        guard let number = try match(entry.inode) else { return try sendNew(entry, at: path, in: comparison) }
        var names = try currentNames(of: number, in: comparison)
        let place = MoveState.Name.new(entry.link)
        if let index = try names.firstIndex(where: { try isLeaving($0, in: comparison) }) {
            let former = try self.path(of: names[index], in: comparison)
            try unlock(number, at: former, in: comparison)
            if case .old(let link) = names[index] {
                try unlockParent(link.directory, of: former, in: comparison)
            }
            try emit(.rename(former, to: path))
            try noteMoved(number, from: names[index], in: comparison)
            names[index] = place
            if entry.kind == .directory { moves.waiting.remove(entry.inode) }
        } else if let name = names.first {
            let existing = try self.path(of: name, in: comparison)
            try unlock(number, at: existing, in: comparison)
            try emit(.link(path, to: existing))
            names.append(place)
        } else {
            // The base had it without a name, which no snapshot carries.
            return try sendNew(entry, at: path, in: comparison)
        }
        moves.names[number] = names
    }

    /// Makes an inode, with all below it, that takes nothing on from its directory.
    private func sendNew(_ entry: EntryChange, at path: RelativePath, in comparison: TreeComparison) throws {
        if let directory = try match(entry.directory), let parent = path.split?.parent {
            try liftAttributes(of: directory, at: parent, in: comparison)
        }
        try sendNew(entry.inode, at: path)
    }

    private func noteMoved(_ number: InodeNumber, from name: MoveState.Name, in comparison: TreeComparison) throws {
        switch name {
        case .new: break
        case .temporary: moves.temporaries[number] = nil
        case .old(let link):
            moves.removals[link, default: MoveState.Removal(inode: number, kind: .regular)].isDone = true
            try touch(old: link.directory, in: comparison)
        }
    }

    /// Brings an entry of a new directory to its place if the base has the inode. False for a new inode.
    func isPlacedExisting(_ entry: DirectoryEntry, in directory: InodeNumber, at path: RelativePath) throws -> Bool {
        guard let comparison, try match(entry.inode) != nil else { return false }
        let link = InodeLink(directory: directory, name: entry.name)
        if let index = ChangeLists.index(of: link, in: moves.added) {
            if moves.isAdded[index] { return true }
            moves.isAdded[index] = true
        }
        try install(EntryChange(directory, entry), at: path, in: comparison)
        return true
    }
}

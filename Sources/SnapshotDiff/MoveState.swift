import SnapshotModel

/// Where things are while the old tree becomes the new one.
struct MoveState {
    /// A name of the old tree that the new one does not have.
    struct Removal {
        let inode: InodeNumber
        let kind: FileKind
        /// Whether nothing is there any more.
        var isDone = false
    }

    /// A name that an inode of both trees has at the moment.
    enum Name: Hashable {
        /// Since before, in a directory of the base.
        case old(InodeLink)
        /// Where it stays, in a directory of the source.
        case new(InodeLink)
        /// Out of the way, in the root.
        case temporary(FileName)
    }

    /// The sorted list of entries to be added, and which of them are there.
    var added: [EntryChange] = []
    var isAdded: [Bool] = []
    /// Indices into ``added`` by the inode that is to be there.
    var addedByInode: [InodeNumber: [Int]] = [:]
    /// By the directory's number in the base.
    var removals: [InodeLink: Removal] = [:]
    /// Directories of both trees that are not yet where they belong, in numbers of the source.
    var waiting: Set<InodeNumber> = []
    /// Directories known to be where they belong, and their paths; emptied when it grows.
    var paths: [InodeNumber: RelativePath] = [:]
    /// The one that was asked for last, in which neighbours lie too.
    var lastPlaced: (directory: InodeNumber, path: RelativePath)?
    /// The names of inodes that were moved or linked so far, by number in the base.
    var names: [InodeNumber: [Name]] = [:]
    /// What was put out of the way, by number in the base.
    var temporaries: [InodeNumber: FileName] = [:]
    /// Directories of both trees in which something was made, moved or removed, in numbers of the source.
    var touched: Set<InodeNumber> = []
    /// Attributes taken off directories of the base in which something is made; none of most.
    var lifted: [InodeNumber: [ExtendedAttribute]] = [:]
    /// Inodes of the base whose flags were taken off so that they can be changed.
    var unlocked: Set<InodeNumber> = []
    /// Flags that forbid changes, to be set when all else is done.
    var lateFlags: [(path: RelativePath, flags: UInt64)] = []
    private var temporaryCount = 0

    /// How many paths are kept: some 10 MB at the longest.
    private static let pathLimit = 2048

    mutating func remember(_ path: RelativePath, of directory: InodeNumber) {
        if paths.count >= MoveState.pathLimit { paths.removeAll(keepingCapacity: true) }
        paths[directory] = path
    }

    /// A name for what must get out of the way.
    mutating func nextTemporaryName(for number: InodeNumber) -> FileName {
        temporaryCount += 1
        return FileName(trusted: Array("o\(number.rawValue)-0-\(temporaryCount - 1)".utf8))
    }
}

extension Plan {
    /// The path of a directory of the source, where it and all above it are in place; else nil.
    func placedPath(of directory: InodeNumber) throws -> RelativePath? {
        if let last = moves.lastPlaced, last.directory == directory { return last.path }
        var climbed: [(number: InodeNumber, name: FileName)] = []
        var current = directory
        var path = RelativePath.root
        while current != root {
            if let known = moves.paths[current] {
                path = known
                break
            }
            guard !moves.waiting.contains(current), climbed.count <= RelativePath.maximumLength,
                try comparison == nil || made.contains(current) || match(current) != nil,
                let link = try source.links(of: current).first
            else { return nil }
            climbed.append((current, link.name))
            current = link.directory
        }
        for (number, name) in climbed.reversed() {
            path = try self.path(name, in: path)
            moves.remember(path, of: number)
        }
        moves.lastPlaced = (directory, path)
        return path
    }

    /// A path of an inode of the source by which it can be reached in the finished tree.
    func finalPath(of number: InodeNumber) throws -> RelativePath? {
        if number == root { return .root }
        for link in try source.links(of: number) {
            if let parent = try placedPath(of: link.directory) { return try path(link.name, in: parent) }
        }
        return nil
    }

    /// Where a directory of the base is at the moment.
    func currentPath(of directory: InodeNumber, in comparison: TreeComparison) throws -> RelativePath {
        let base = comparison.base
        var names: [FileName] = []
        var current = directory
        var path = RelativePath.root
        while current != base.root {
            if let number = try comparison.correspondence.source(of: current), let placed = try placedPath(of: number) {
                path = placed
                break
            }
            if let temporary = moves.temporaries[current] {
                names.append(temporary)
                break
            }
            guard let link = try base.links(of: current).first, names.count <= RelativePath.maximumLength else {
                throw SnapshotError(
                    .corrupt, "directory \(current.rawValue) is not below the root", place: base.identity.name)
            }
            names.append(link.name)
            current = link.directory
        }
        for name in names.reversed() { path = try self.path(name, in: path) }
        return path
    }

    /// Where a name of an inode of both trees is at the moment.
    func path(of name: MoveState.Name, in comparison: TreeComparison) throws -> RelativePath {
        switch name {
        case .temporary(let name): return .root.appending(name)
        case .old(let link): return try path(link.name, in: currentPath(of: link.directory, in: comparison))
        case .new(let link):
            guard let parent = try placedPath(of: link.directory) else {
                throw SnapshotError(.corrupt, "inode \(link.directory.rawValue) is not below the root")
            }
            return try path(link.name, in: parent)
        }
    }

    /// The names that an inode of the base has at the moment.
    func currentNames(of number: InodeNumber, in comparison: TreeComparison) throws -> [MoveState.Name] {
        if let names = moves.names[number] { return names }
        let links = try comparison.base.links(of: number)
        return links.filter { moves.removals[$0]?.isDone != true }.map { .old($0) }
    }

    /// Whether a name goes, so that it may as well be moved.
    func isLeaving(_ name: MoveState.Name, in comparison: TreeComparison) throws -> Bool {
        switch name {
        case .temporary: true
        case .new: false
        case .old(let link):
            if let removal = moves.removals[link] {
                !removal.isDone
            } else {
                try comparison.correspondence.source(of: link.directory) == nil
            }
        }
    }

    /// Notes that something changed in a directory of the base, whose times must be set again.
    func touch(old directory: InodeNumber, in comparison: TreeComparison) throws {
        if let number = try comparison.correspondence.source(of: directory) { moves.touched.insert(number) }
    }
}

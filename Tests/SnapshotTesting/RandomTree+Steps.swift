import SnapshotModel

extension RandomTree {
    /// One random change, of names, attributes or contents.
    func step() throws {
        tick()
        switch random.below(18) {
        case 0, 1: try makeAny()
        case 2, 3, 4: try moveAny()
        case 5: try rotateDirectories()
        case 6: try moveIntoFormerChild()
        case 7: try replaceByAnotherKind()
        case 8: try linkAny()
        case 9: try removeAny()
        case 10: try removeDirectoryButKeepSome()
        case 11: try replaceByCopy()
        case 12:
            guard let number = pick(inodes { _ in true }) else { return }
            for _ in 0...random.below(3) { try describe(number) }
        case 13: try makeChain()
        default: if let file = pick(files) { try fill(file) }
        }
    }

    private func inode(of link: InodeLink) throws -> InodeNumber? {
        try tree.lookup(link.name, in: link.directory)?.inode
    }

    /// Moves a name where that is possible.
    private func move(_ link: InodeLink, to directory: InodeNumber, _ name: FileName) throws {
        guard let number = try inode(of: link), try tree.lookup(name, in: directory) == nil else { return }
        if try tree.node(number).inode.kind == .directory, try tree.isWithin(directory, number) { return }
        try tree.rename(link.name, in: link.directory, to: name, in: directory)
    }

    private func moveAny() throws {
        guard let link = pick(links), let directory = pick(directories) else { return }
        // Often to a name that something else has, which then goes out of the way or away.
        let name = random.onceIn(2) ? pick(links)?.name : try freeName(in: directory)
        guard let name else { return }
        if let taken = try tree.lookup(name, in: directory), taken.inode != (try inode(of: link)) {
            guard try taken.kind != .directory || !tree.isWithin(link.directory, taken.inode) else { return }
            guard try taken.kind != .directory || !tree.isWithin(directory, taken.inode) else { return }
            if random.onceIn(2) {
                try collectingFreeNumbers { try tree.removeTree(name, in: directory) }
            } else if let other = pick(directories), let free = try freeName(in: other) {
                try move(InodeLink(directory: directory, name: name), to: other, free)
            }
        }
        try move(link, to: directory, name)
    }

    /// Two directories, or three, take each other's places.
    private func rotateDirectories() throws {
        let places = links.filter { (try? inode(of: $0)).flatMap { $0 }.map(directories.contains) ?? false }
        var chosen: [InodeLink] = []
        for _ in 0..<random.below(2) + 2 {
            guard let link = pick(places), !chosen.contains(link) else { return }
            chosen.append(link)
        }
        let numbers = try chosen.compactMap { try inode(of: $0) }
        for (first, second) in zip(numbers, numbers.dropFirst() + numbers.prefix(1)) {
            if try tree.isWithin(first, second) || tree.isWithin(second, first) { return }
        }
        guard numbers.count == chosen.count, let spare = try freeName(in: tree.root) else { return }
        try move(chosen[0], to: tree.root, spare)
        for (to, from) in zip(chosen, chosen.dropFirst()) { try move(from, to: to.directory, to.name) }
        if let last = chosen.last {
            try move(InodeLink(directory: tree.root, name: spare), to: last.directory, last.name)
        }
    }

    /// `a/b` becomes `b/a`.
    private func moveIntoFormerChild() throws {
        let nested = directories.filter { tree.nodes[$0]?.links.first.map { $0.directory != tree.root } ?? false }
        guard let child = pick(nested), let place = tree.nodes[child]?.links.first,
            let parentPlace = tree.nodes[place.directory]?.links.first, let spare = try freeName(in: tree.root)
        else { return }
        try move(place, to: tree.root, spare)
        let name = random.onceIn(2) ? place.name : try freeName(in: child)
        if let name { try move(parentPlace, to: child, name) }
        try move(InodeLink(directory: tree.root, name: spare), to: parentPlace.directory, parentPlace.name)
    }

    private func replaceByAnotherKind() throws {
        guard let link = pick(links) else { return }
        try collectingFreeNumbers { try tree.removeTree(link.name, in: link.directory) }
        tick()
        try make(pick([.regular, .directory, .symbolicLink, .fifo]) ?? .regular, link.name, in: link.directory)
    }

    private func linkAny() throws {
        guard let number = pick(inodes { $0.kind != .directory }), let directory = pick(directories),
            let name = try freeName(in: directory)
        else { return }
        try tree.link(number, name, in: directory)
    }

    private func removeAny() throws {
        guard let link = pick(links) else { return }
        try collectingFreeNumbers { try tree.removeTree(link.name, in: link.directory) }
    }

    /// A directory goes, but what was in it has moved elsewhere, perhaps into a new directory.
    private func removeDirectoryButKeepSome() throws {
        guard let directory = pick(directories), directory != tree.root,
            let place = tree.nodes[directory]?.links.first, let name = try freeName(in: tree.root)
        else { return }
        try make(.directory, name, in: tree.root)
        guard let refuge = try tree.lookup(name, in: tree.root)?.inode else { return }
        for child in (tree.nodes[directory]?.entries.keys.sorted() ?? []) where random.onceIn(2) {
            try move(InodeLink(directory: directory, name: child), to: refuge, child)
        }
        try collectingFreeNumbers { try tree.removeTree(place.name, in: place.directory) }
        if random.onceIn(2) { try move(InodeLink(directory: tree.root, name: name), to: place.directory, place.name) }
    }

    /// As editors save: a new file under another name takes the place of the old one.
    private func replaceByCopy() throws {
        guard let file = pick(files), let place = tree.nodes[file]?.links.min(by: { $0.name < $1.name }),
            let name = try freeName(in: place.directory)
        else { return }
        try make(.regular, name, in: place.directory)
        if let copy = try tree.lookup(name, in: place.directory)?.inode { try reflink(from: file, to: copy) }
        try collectingFreeNumbers { try tree.unlink(place.name, in: place.directory) }
        try move(InodeLink(directory: place.directory, name: name), to: place.directory, place.name)
    }

    /// A few directories below each other.
    private func makeChain() throws {
        guard var directory = pick(directories) else { return }
        for _ in 0..<random.below(4) + 1 {
            guard let name = try freeName(in: directory) else { return }
            try make(.directory, name, in: directory)
            directory = try tree.lookup(name, in: directory)?.inode ?? directory
        }
    }

    /// One change of contents.
    func fill(_ number: InodeNumber) throws {
        guard let size = try tree.inode(number)?.size else { return }
        let block = UInt64(random.below(16)) * 4096
        switch random.below(8) {
        case 0: try tree.truncate(number, to: random.onceIn(2) ? size / 2 : size + UInt64(random.below(20_000)))
        case 1: try tree.punchHole(number, block..<block + UInt64(random.below(4) + 1) * 4096)
        case 2:
            let end = block + UInt64(random.below(4) + 1) * 4096
            try tree.preallocate(number, block..<end, keepsSize: random.onceIn(2))
        case 3, 4: if let other = pick(files) { try reflink(from: other, to: number) }
        case 5: try write(number, at: 0, count: random.below(100) + 1)
        case 6 where random.onceIn(4): try write(number, at: block, count: 140_000)
        default: try write(number, at: block, count: (random.below(5) + 1) * 4096 - (random.onceIn(3) ? 1000 : 0))
        }
    }

    /// Writes whole blocks where the file goes on behind them, as a file system keeps them.
    private func write(_ number: InodeNumber, at offset: UInt64, count: Int) throws {
        let size = try tree.inode(number)?.size ?? 0
        var bytes = [UInt8](repeating: UInt8(random.below(255) + 1), count: count)
        bytes[0] = UInt8(random.below(256))
        let blockEnd = (offset + UInt64(count) + 4095) / 4096 * 4096
        if blockEnd <= size || offset + UInt64(count) < size {
            let rest = min(blockEnd, size) - offset - UInt64(count)
            bytes += try tree.read(number, at: offset + UInt64(count), count: Int(rest))
        }
        try tree.write(number, at: offset, bytes)
    }

    private func reflink(from source: InodeNumber, to destination: InodeNumber) throws {
        let size = try tree.inode(source)?.size ?? 0
        if random.onceIn(3), source != destination, size > 0, try tree.inode(destination)?.size ?? 0 <= size {
            return try tree.clone(destination, at: 0, length: size, from: tree, source, at: 0)
        }
        guard size >= 4096 else { return }
        let start = UInt64(random.below(Int(size / 4096)))
        let blocks = UInt64(random.below(Int(size / 4096 - start))) + 1
        let at = UInt64(random.below(16))
        if source == destination, at < start + blocks, start < at + blocks { return }
        try tree.clone(destination, at: at * 4096, length: blocks * 4096, from: tree, source, at: start * 4096)
    }
}

package import SnapshotModel

/// Builds and changes a ``MemoryTree`` by paths, for tests that need one certain tree.
package final class TreeBuilder {
    package let tree: MemoryTree
    private var lastNumber: UInt64

    package init(_ tree: MemoryTree = MemoryTree(name: "built")) {
        self.tree = tree
        tree.now = Timestamp(seconds: 1000, nanoseconds: 0)
        lastNumber = tree.nodes.keys.map(\.rawValue).max() ?? 256
    }

    /// The inode at a path, which must be there.
    package func number(_ path: String) throws -> InodeNumber {
        guard let inode = try tree.resolve(RelativePath(validating: path.utf8)) else {
            throw SnapshotError(.notFound, "nothing is at the path", place: path)
        }
        return inode.number
    }

    private func place(_ path: String) throws -> InodeLink {
        let path = try RelativePath(validating: path.utf8)
        guard let (parent, name) = path.split, let directory = try tree.resolve(parent) else {
            throw SnapshotError(.notFound, "there is no such directory", place: path.description)
        }
        tree.now.seconds += 1
        return InodeLink(directory: directory.number, name: name)
    }

    /// Makes an inode with the next number, or with one that was free again.
    @discardableResult
    package func make(
        _ kind: FileKind, _ path: String, number: InodeNumber? = nil, permissions: UInt32 = 0o755, target: String = ""
    ) throws -> InodeNumber {
        let place = try place(path)
        lastNumber = max(lastNumber + 1, number?.rawValue ?? 0)
        let inode = Inode(
            number: number ?? InodeNumber(lastNumber), birthGeneration: tree.generation, kind: kind,
            permissions: kind == .symbolicLink ? 0o777 : permissions,
            times: FileTimes(accessed: tree.now, modified: tree.now, changed: tree.now))
        try tree.make(inode, place.name, in: place.directory, target: Array(target.utf8))
        return inode.number
    }

    @discardableResult
    package func directory(_ path: String) throws -> InodeNumber { try make(.directory, path) }

    /// Makes a file with bytes in it.
    @discardableResult
    package func file(_ path: String, _ bytes: [UInt8] = [1, 2, 3]) throws -> InodeNumber {
        let number = try make(.regular, path)
        if !bytes.isEmpty { try tree.write(number, at: 0, bytes) }
        return number
    }

    package func move(_ path: String, to newPath: String) throws {
        let (from, to) = (try place(path), try place(newPath))
        try tree.rename(from.name, in: from.directory, to: to.name, in: to.directory)
    }

    package func link(_ path: String, to existing: String) throws {
        let place = try place(path)
        try tree.link(number(existing), place.name, in: place.directory)
    }

    package func remove(_ path: String) throws {
        let place = try place(path)
        try tree.removeTree(place.name, in: place.directory)
    }

    package func write(_ path: String, at offset: UInt64, _ bytes: [UInt8]) throws {
        tree.now.seconds += 1
        try tree.write(number(path), at: offset, bytes)
    }

    package func attribute(_ path: String, _ name: String, _ value: [UInt8]?) throws {
        try tree.setAttribute(number(path), Array(name.utf8), value)
    }

    /// Shares a range of one file with another.
    package func reflink(
        _ path: String, at offset: UInt64 = 0, from source: String, at start: UInt64 = 0, length: UInt64
    ) throws {
        try tree.clone(number(path), at: offset, length: length, from: tree, number(source), at: start)
    }
}

/// Bytes that differ from block to block.
package func patternBytes(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
    var bytes = [UInt8](repeating: seed, count: count)
    for block in stride(from: 0, to: count, by: 4096) { bytes[block] = UInt8(truncatingIfNeeded: block / 4096 + 7) }
    return bytes
}

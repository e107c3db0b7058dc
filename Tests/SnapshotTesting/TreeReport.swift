package import SnapshotModel

/// A tree in words, one line for each name, so that any two trees can be compared and a difference be read.
package struct TreeReport: Equatable {
    /// What of a tree is told beyond names, kinds, permissions, sizes, modification times and contents.
    package struct Details: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        package static let owners = Details(rawValue: 1)
        package static let accessTimes = Details(rawValue: 2)
        package static let changeTimes = Details(rawValue: 4)
        package static let birthTimes = Details(rawValue: 8)
        package static let extendedAttributes = Details(rawValue: 16)
        package static let flags = Details(rawValue: 32)
        /// Which blocks of 4096 bytes are holes.
        package static let holes = Details(rawValue: 64)
        /// Which blocks are set aside, also behind the end of the file. Otherwise they count as holes.
        package static let preallocation = Details(rawValue: 128)
        /// A digest of the contents.
        package static let contents = Details(rawValue: 256)

        /// How many names an inode has; a directory's hard links to a parent count too where it is plain.
        package static let linkCounts = Details(rawValue: 512)

        package static let everything = Details(rawValue: 1023)
    }

    package private(set) var lines: [String] = []
    private var firstPaths: [InodeNumber: RelativePath] = [:]

    package init(of tree: any SnapshotTree, _ details: Details = .everything) throws {
        var pending: [(path: RelativePath, number: InodeNumber)] = [(.root, tree.root)]
        while let (path, number) = pending.popLast() {
            let inode = try tree.existingInode(number)
            if inode.kind != .directory, let first = firstPaths.updateValue(path, forKey: number) {
                firstPaths[number] = first
                lines.append("\(path) = \(first)")
                continue
            }
            lines.append(try TreeReport.line(for: inode, at: path, in: tree, details))
            guard inode.kind == .directory else { continue }
            var children: [(path: RelativePath, number: InodeNumber)] = []
            try tree.forEachEntry(in: number) { children.append((path.appending($0.name), $0.inode)) }
            pending.append(contentsOf: children.reversed())
        }
        firstPaths = [:]
    }

    /// The first line in which two reports differ, with what stands there in each; nil where they are equal.
    package func firstDifference(from other: TreeReport) -> String? {
        for index in 0..<max(lines.count, other.lines.count) {
            let mine = index < lines.count ? lines[index] : "(end)"
            let theirs = index < other.lines.count ? other.lines[index] : "(end)"
            if mine != theirs { return "line \(index + 1)\n  is        \(mine)\n  should be \(theirs)" }
        }
        return nil
    }

    private static func line(
        for inode: Inode, at path: RelativePath, in tree: any SnapshotTree, _ details: Details
    ) throws -> String {
        var words = ["\(path)", "\(inode.kind.letter)", String(inode.permissions, radix: 8)]
        if details.contains(.owners) { words.append("\(inode.owner):\(inode.group)") }
        if details.contains(.linkCounts), inode.kind != .directory { words.append("links=\(inode.linkCount)") }
        if inode.kind == .regular { words.append("size=\(inode.size)") }
        if inode.device != 0 { words.append("device=\(inode.device)") }
        words.append("m=\(inode.times.modified)")
        if details.contains(.accessTimes) { words.append("a=\(inode.times.accessed)") }
        if details.contains(.changeTimes) { words.append("c=\(inode.times.changed)") }
        if details.contains(.birthTimes), let born = inode.times.born { words.append("b=\(born)") }
        if details.contains(.flags), inode.flags != 0 { words.append("flags=\(String(inode.flags, radix: 16))") }
        if details.contains(.extendedAttributes) {
            for attribute in try tree.extendedAttributes(of: inode.number) {
                let (name, value) = (EscapedBytes.describe(attribute.name), attribute.value)
                words.append("[\(name)=\(value.count)/\(String(Digest.of(value[...]), radix: 16))]")
            }
        }
        if inode.kind == .symbolicLink {
            words.append("-> " + EscapedBytes.describe(try tree.symbolicLinkTarget(of: inode.number)))
        }
        if inode.kind == .regular {
            if details.contains(.holes) { words.append(try map(of: inode, in: tree, details)) }
            if details.contains(.contents), tree.holdsData { words.append(try digest(of: inode, in: tree)) }
        }
        return words.joined(separator: " ")
    }

    /// `d` for a block with data, `p` for one set aside, `.` for a hole; runs of more than four are counted.
    private static func map(of inode: Inode, in tree: any SnapshotTree, _ details: Details) throws -> String {
        var blocks: [(letter: Character, count: UInt64)] = []
        func append(_ letter: Character, _ count: UInt64) {
            guard count > 0 else { return }
            if let last = blocks.last, last.letter == letter {
                blocks[blocks.count - 1].count += count
            } else {
                blocks.append((letter, count))
            }
        }
        let size = (inode.size + 4095) / 4096
        var next: UInt64 = 0
        try tree.forEachExtent(of: inode.number, from: 0) { extent in
            let isPreallocated = extent.content == .preallocated
            if isPreallocated, !details.contains(.preallocation) { return }
            var (start, end) = (extent.offset / 4096, (extent.end + 4095) / 4096)
            if !isPreallocated { end = min(end, size) }
            start = max(start, next)
            guard start < end else { return }
            append(".", start - next)
            append(isPreallocated ? "p" : "d", end - start)
            next = end
        }
        if next < size { append(".", size - next) }
        return "<"
            + blocks.map {
                $0.count > 4 ? "\($0.letter)*\($0.count)" : String(repeating: $0.letter, count: Int($0.count))
            }
            .joined() + ">"
    }

    private static func digest(of inode: Inode, in tree: any SnapshotTree) throws -> String {
        var (digest, offset) = (Digest.seed, UInt64(0))
        while offset < inode.size {
            let count = Int(min(1 << 20, inode.size - offset))
            let bytes = try tree.read(inode.number, at: offset, count: count)
            guard bytes.count == count else { return "short(\(bytes.count) of \(count) at \(offset))" }
            digest = Digest.of(bytes, after: digest)
            offset += UInt64(count)
        }
        return String(digest, radix: 16)
    }
}

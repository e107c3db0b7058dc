/// A path below the root of a snapshot: names joined by `/`; no bytes at all is the root itself.
///
/// No path leaves its snapshot: absolute paths, empty names, `.` and `..` cannot be made.
package struct RelativePath: Hashable, Sendable {
    /// The longest path in bytes (`PATH_MAX`, Linux `limits.h`, less its NUL).
    package static let maximumLength = 4095

    /// The root of the snapshot.
    package static let root = RelativePath(trusted: [])

    /// The names joined by `/`, without one at either end.
    package let bytes: [UInt8]

    /// Checks the bytes and makes a path of them.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidPath``.
    package init(validating bytes: some Collection<UInt8>) throws(SnapshotError) {
        try self.init(validating: [UInt8](bytes))
    }

    /// Checks the bytes and makes a path of them.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidPath``.
    package init(validating bytes: [UInt8]) throws(SnapshotError) {
        try RelativePath.check(bytes, from: 0)
        self.bytes = bytes
    }

    /// Checks the bytes of a path.
    ///
    /// - Parameter start: where a name begins up to which they were checked before; at most their count.
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidPath``.
    package static func check(_ bytes: [UInt8], from start: Int) throws(SnapshotError) {
        guard bytes.count <= maximumLength else {
            throw SnapshotError(
                .invalidPath, "a path of \(bytes.count) bytes is longer than \(maximumLength)",
                place: "'\(EscapedBytes.excerpt(bytes))'")
        }
        if bytes.isEmpty { return }
        var start = start
        for end in start...bytes.count where end == bytes.count || bytes[end] == FileName.slash {
            guard FileName.isValid(bytes[start..<end]) else {
                throw SnapshotError(
                    .invalidPath, fault(bytes, in: bytes[start..<end]), place: "'\(EscapedBytes.excerpt(bytes))'")
            }
            start = end + 1
        }
    }

    /// What is wrong with a path that has a part which is no name.
    private static func fault(_ bytes: [UInt8], in part: ArraySlice<UInt8>) -> String {
        if bytes.first == FileName.slash { return "a path is absolute and would leave its snapshot" }
        if part.elementsEqual([FileName.dot, FileName.dot]) { return "a path leaves its snapshot by '..'" }
        return "a path has a part that is no name: " + FileName.fault(part)
    }

    /// Makes a path of bytes that were checked before.
    package init(trusted bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether this is the root of the snapshot.
    package var isRoot: Bool { bytes.isEmpty }

    /// The path of `name` in the directory that this path names.
    package func appending(_ name: FileName) -> RelativePath {
        if bytes.isEmpty { return RelativePath(trusted: name.bytes) }
        var joined = [UInt8]()
        joined.reserveCapacity(bytes.count + 1 + name.bytes.count)
        joined.append(contentsOf: bytes)
        joined.append(FileName.slash)
        joined.append(contentsOf: name.bytes)
        return RelativePath(trusted: joined)
    }

    /// The directory that holds the last name, and that name; nil for the root.
    package var split: (parent: RelativePath, name: FileName)? {
        guard !bytes.isEmpty else { return nil }
        guard let slash = bytes.lastIndex(of: FileName.slash) else {
            return (.root, FileName(trusted: bytes))
        }
        return (RelativePath(trusted: [UInt8](bytes[..<slash])), FileName(trusted: [UInt8](bytes[(slash + 1)...])))
    }

    /// The names from the root downwards.
    package var names: [FileName] {
        bytes.split(separator: FileName.slash).map { FileName(trusted: [UInt8]($0)) }
    }

    /// Whether this path lies below `ancestor`, or is the same.
    package func isWithin(_ ancestor: RelativePath) -> Bool {
        if ancestor.isRoot || ancestor == self { return true }
        return bytes.count > ancestor.bytes.count && bytes[ancestor.bytes.count] == FileName.slash
            && bytes.starts(with: ancestor.bytes)
    }
}

extension RelativePath {
    /// All bytes at once: the hash of an array takes them one by one.
    package func hash(into hasher: inout Hasher) {
        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }
}

extension RelativePath: Comparable {
    /// Byte order of the whole path.
    package static func < (left: RelativePath, right: RelativePath) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension RelativePath: CustomStringConvertible {
    package var description: String { bytes.isEmpty ? "." : EscapedBytes.describe(bytes) }
}

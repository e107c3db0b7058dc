package import SnapshotModel

/// What is named inside a volume: `DATASET`, `DATASET@SNAPSHOT` or `DATASET#BOOKMARK`, and below a snapshot a path.
package struct VolumeName: Hashable, Sendable {
    /// What of the dataset is meant.
    package enum Part: Hashable, Sendable {
        /// The dataset as it stands.
        case head
        case snapshot(String)
        case bookmark(String)
    }

    /// The dataset: names joined by `/`; empty for the volume itself.
    package let dataset: String
    package let part: Part
    /// The path below the snapshot; the root where none is given.
    package let path: RelativePath

    package init(dataset: String, part: Part = .head, path: RelativePath = .root) {
        self.dataset = dataset
        self.part = part
        self.path = path
    }

    /// Takes apart what stands behind the volume's path in an address.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidRequest``.
    package init(parsing text: Substring) throws {
        // By bytes: a mark or slash with a combining character behind it is one all the same.
        let slash = UInt8(ascii: "/")
        guard let mark = text.utf8.firstIndex(where: VolumeName.isMark) else {
            self.init(dataset: String(text))
            return
        }
        let rest = text[text.utf8.index(after: mark)...]
        let nameEnd = rest.utf8.firstIndex(of: slash) ?? rest.endIndex
        let name = rest[..<nameEnd]
        guard mark != text.startIndex, !name.isEmpty, !name.utf8.contains(where: VolumeName.isMark) else {
            throw SnapshotError(
                .invalidRequest, "not a name inside a volume", place: String(text),
                remedy: "write DATASET, DATASET@SNAPSHOT[/PATH] or DATASET#BOOKMARK")
        }
        let path = try RelativePath(validating: Array(rest.utf8[nameEnd...].dropFirst()))
        let part: Part = text.utf8[mark] == UInt8(ascii: "@") ? .snapshot(String(name)) : .bookmark(String(name))
        self.init(dataset: String(text[..<mark]), part: part, path: path)
    }

    private static func isMark(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "@") || byte == UInt8(ascii: "#") }

    /// The name without the path, as the volume knows it.
    package var qualified: String {
        switch part {
        case .head: dataset
        case .snapshot(let name): "\(dataset)@\(name)"
        case .bookmark(let name): "\(dataset)#\(name)"
        }
    }
}

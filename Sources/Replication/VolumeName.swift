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
        guard let mark = text.firstIndex(where: { $0 == "@" || $0 == "#" }) else {
            self.init(dataset: String(text))
            return
        }
        let rest = text[text.index(after: mark)...]
        let name = rest.prefix { $0 != "/" }
        guard mark != text.startIndex, !name.isEmpty, !name.contains(where: { $0 == "@" || $0 == "#" }) else {
            throw SnapshotError(
                .invalidRequest, "not a name inside a volume", place: String(text),
                remedy: "write DATASET, DATASET@SNAPSHOT[/PATH] or DATASET#BOOKMARK")
        }
        let path = try RelativePath(validating: Array(rest.dropFirst(name.count + 1).utf8))
        let part: Part = text[mark] == "@" ? .snapshot(String(name)) : .bookmark(String(name))
        self.init(dataset: String(text[..<mark]), part: part, path: path)
    }

    /// The name without the path, as the volume knows it.
    package var qualified: String {
        switch part {
        case .head: dataset
        case .snapshot(let name): "\(dataset)@\(name)"
        case .bookmark(let name): "\(dataset)#\(name)"
        }
    }
}

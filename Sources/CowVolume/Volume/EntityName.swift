import SnapshotModel

/// The name of something in a volume: `DATASET`, `DATASET@SNAPSHOT` or `DATASET#BOOKMARK`.
struct EntityName: Hashable {
    /// The longest name of a dataset with all its parents, and of a snapshot or bookmark, in bytes.
    static let maximumLength = 255

    let dataset: String
    /// What follows `@`.
    let snapshot: String?
    /// What follows `#`.
    let bookmark: String?

    /// - Throws: `SnapshotError` with `invalidRequest`.
    init(parsing text: String) throws {
        // By bytes: a mark with a combining character behind it is one all the same.
        let mark = text.utf8.firstIndex { $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: "#") }
        dataset = String(text[..<(mark ?? text.endIndex)])
        try EntityName.check(dataset: dataset)
        guard let mark else {
            snapshot = nil
            bookmark = nil
            return
        }
        let part = String(text[text.utf8.index(after: mark)...])
        try EntityName.check(part: part)
        let isSnapshot = text.utf8[mark] == UInt8(ascii: "@")
        snapshot = isSnapshot ? part : nil
        bookmark = isSnapshot ? nil : part
    }

    /// A dataset's name: parts joined by `/`.
    static func check(dataset name: String) throws {
        guard name.utf8.count <= maximumLength else { throw refused(name, "is longer than \(maximumLength) bytes") }
        for part in parts(of: name) { try check(part: part) }
    }

    /// The parts of a dataset's name. What combines with a slash in Unicode does not make it another character here.
    static func parts(of dataset: String) -> [String] {
        dataset.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String(Substring($0)) }
    }

    /// A part of a dataset's name, or what names a snapshot or bookmark in it.
    static func check(part name: String) throws {
        guard !name.isEmpty, name != ".", name != "..", name.utf8.count <= maximumLength else {
            throw refused(name, "has a part that is empty, '.', '..' or longer than \(maximumLength) bytes")
        }
        guard
            name.unicodeScalars.allSatisfy({
                $0.value >= 0x20 && $0.value != 0x7F && !"@#/".unicodeScalars.contains($0)
            })
        else { throw refused(name, "has '@', '#', '/' or a control character in it") }
    }

    private static func refused(_ name: String, _ why: String) -> SnapshotError {
        SnapshotError(
            .invalidRequest, "the name \(why)", place: EscapedBytes.describe(Array(name.utf8)),
            remedy: "write DATASET, DATASET@SNAPSHOT or DATASET#BOOKMARK")
    }
}

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
        let mark = text.firstIndex { $0 == "@" || $0 == "#" }
        dataset = String(text[..<(mark ?? text.endIndex)])
        try EntityName.check(dataset: dataset)
        guard let mark else {
            snapshot = nil
            bookmark = nil
            return
        }
        let part = String(text[text.index(after: mark)...])
        try EntityName.check(part: part)
        snapshot = text[mark] == "@" ? part : nil
        bookmark = text[mark] == "#" ? part : nil
    }

    /// A dataset's name: parts joined by `/`.
    static func check(dataset name: String) throws {
        guard name.utf8.count <= maximumLength else { throw refused(name, "is longer than \(maximumLength) bytes") }
        for part in name.split(separator: "/", omittingEmptySubsequences: false) { try check(part: String(part)) }
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

import ArgumentParser
import Replication
import SnapshotDiff
import SnapshotModel

/// `cowpath diff BASE SNAPSHOT`
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Print what changed between two trees: + added, - removed, M modified, R renamed.",
        discussion: "Each may be a snapshot, a bookmark, a stored stream or a directory.")

    @Argument(help: "The older tree.")
    var base: String

    @Argument(help: "The newer tree.")
    var snapshot: String

    @Flag(name: [.customShort("F")], help: "Show the kind of each file, with the marks of ls -F; f is a regular file.")
    var showsKind = false

    @Flag(name: .long, help: "Sum up by directory instead.")
    var stat = false

    @Flag(name: [.customShort("0")], help: "End names with NUL, bytes as they are.")
    var null = false

    @Flag(name: .long, help: "Exit with 1 where there are differences, with 0 where there are none.")
    var exitCode = false

    @OptionGroup var format: JSONOption

    func run() throws {
        let opener = TreeOpener()
        let old = try opener.tree(base)
        // A stored stream may be the difference from just this base.
        let new = try opener.tree(snapshot, onto: old)
        guard old.path.isRoot, new.path.isRoot else {
            throw SnapshotError(.invalidRequest, "whole trees are compared", remedy: "leave the path away")
        }
        let comparison = TreeComparison(
            source: new.tree, base: old.tree, options: .suiting(new.tree, old.tree))
        var isDifferent = false
        var sums = DirectorySums()
        try comparison.forEachChange { change in
            isDifferent = true
            if stat { sums.add(change) } else { try print(change) }
        }
        if stat { try sums.print(asJSON: format.json) }
        var losses = comparison.losses
        losses.add(old.losses())
        losses.add(new.losses())
        try Terminal.conclude(losses)
        if exitCode, isDifferent { throw ExitCode(1) }
    }

    private func print(_ change: Change) throws {
        if format.json { return try JSONLines.print(ChangeRow(change)) }
        let mark = change.mark + (showsKind ? "\t\(change.kind.mark)" : "")
        if null {
            var record = Array("\(mark)\t".utf8) + change.path.bytes + [0]
            if let old = change.oldPath { record = Array("\(mark)\t".utf8) + old.bytes + [0] + change.path.bytes + [0] }
            return try StandardOutput.write(record[...])
        }
        let arrow = change.oldPath.map { "\($0) -> " } ?? ""
        try Terminal.write("\(mark)\t\(arrow)\(change.path)\n")
    }
}

extension Change {
    /// The letter of `zfs diff`; a further name counts as added, and one that is gone as removed.
    var mark: String {
        switch self {
        case .added, .linked: "+"
        case .removed, .unlinked: "-"
        case .modified: "M"
        case .renamed: "R"
        }
    }

    /// Of a rename, where it came from.
    var oldPath: RelativePath? {
        guard case .renamed(let old, _, _, _) = self else { return nil }
        return old
    }
}

extension FileKind {
    /// The mark of `ls -F`, and `f` for a regular file, which has none there; devices as `ls -l` has them.
    fileprivate var mark: Character {
        switch self {
        case .regular: "f"
        case .directory: "/"
        case .symbolicLink: "@"
        case .fifo: "|"
        case .socket: "="
        case .characterDevice: "c"
        case .blockDevice: "b"
        }
    }
}

/// One change as JSON.
private struct ChangeRow: Encodable {
    /// `added`, `removed`, `modified`, `renamed`, `linked` or `unlinked`
    let change: String
    let kind: String
    let path: String
    let from: String?
    /// What of the inode changed.
    let aspects: [String]?

    init(_ change: Change) {
        kind = String(change.kind.letter)
        path = "\(change.path)"
        var from = change.oldPath
        var changed: Change.Aspects?
        switch change {
        case .added: self.change = "added"
        case .removed: self.change = "removed"
        case .unlinked: self.change = "unlinked"
        case .modified(_, _, let aspects):
            self.change = "modified"
            changed = aspects
        case .renamed(_, _, _, let aspects):
            self.change = "renamed"
            changed = aspects
        case .linked(_, let other, _):
            self.change = "linked"
            from = other
        }
        self.from = from.map { "\($0)" }
        aspects = changed.map { $0.names }
    }
}

extension Change.Aspects {
    /// The names of what is set.
    fileprivate var names: [String] {
        let all: [(Change.Aspects, String)] = [
            (.contents, "contents"), (.permissions, "permissions"), (.owner, "owner"),
            (.extendedAttributes, "extended-attributes"), (.modificationTime, "modification-time"),
            (.otherTimes, "other-times"), (.flags, "flags"), (.entries, "entries"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}

/// How many changes each directory has had in it.
private struct DirectorySums {
    private struct Row: Encodable {
        var directory = ""
        var added = 0
        var removed = 0
        var modified = 0
        var renamed = 0
    }

    private var rows: [RelativePath: Row] = [:]
    private var total = Row(directory: "total")

    mutating func add(_ change: Change) {
        DirectorySums.add(change, to: &total)
        DirectorySums.add(change, to: &rows[change.path.split?.parent ?? .root, default: Row()])
    }

    private static func add(_ change: Change, to row: inout Row) {
        switch change {
        case .added, .linked: row.added += 1
        case .removed, .unlinked: row.removed += 1
        case .modified: row.modified += 1
        case .renamed: row.renamed += 1
        }
    }

    func print(asJSON: Bool) throws {
        for directory in rows.keys.sorted() {
            var row = rows[directory] ?? Row()
            row.directory = "\(directory)"
            try DirectorySums.print(row, asJSON)
        }
        try DirectorySums.print(total, asJSON)
    }

    private static func print(_ row: Row, _ asJSON: Bool) throws {
        if asJSON { return try JSONLines.print(row) }
        try Terminal.write("+\(row.added)\t-\(row.removed)\tM\(row.modified)\tR\(row.renamed)\t\(row.directory)\n")
    }
}

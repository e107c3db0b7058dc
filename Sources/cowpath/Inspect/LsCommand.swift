import ArgumentParser
import Replication
import SnapshotModel

/// `cowpath ls SNAPSHOT[/PATH]`
struct LsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List files in a snapshot, a bookmark or a stored stream.")

    @Argument(help: "VOLUME/DATASET@SNAPSHOT[/PATH], a stored stream or a bookmark file.")
    var address: String

    @Flag(name: [.customShort("R"), .long], help: "List directories below too.")
    var recursive = false

    @Flag(name: .short, help: "Mode, links, owner, group, size and time as well.")
    var long = false

    @Flag(name: [.customShort("0")], help: "End names with NUL, bytes as they are.")
    var null = false

    @OptionGroup var format: JSONOption

    func run() throws {
        let opened = try TreeOpener().tree(address)
        guard let inode = try opened.tree.resolve(opened.path) else {
            throw SnapshotError(.notFound, "there is no such file", place: "\(opened.path)")
        }
        guard inode.kind == .directory else {
            return try print(opened.path.split?.name.bytes ?? [], inode, in: opened.tree)
        }
        try list(inode.number, prefix: .root, in: opened.tree)
    }

    private func list(_ directory: InodeNumber, prefix: RelativePath, in tree: any SnapshotTree) throws {
        // The stack holds what is yet to be listed, so that no depth of directories is too much.
        var stack = [(directory, prefix)]
        while let (directory, prefix) = stack.popLast() {
            var below: [(InodeNumber, RelativePath)] = []
            try tree.forEachEntry(in: directory) { entry in
                let path = prefix.appending(entry.name)
                try print(path.bytes, try tree.existingInode(entry.inode), in: tree)
                if recursive, entry.kind == .directory { below.append((entry.inode, path)) }
            }
            stack.append(contentsOf: below.reversed())
        }
    }

    private func print(_ name: [UInt8], _ inode: Inode, in tree: any SnapshotTree) throws {
        if null { return try StandardOutput.write((name + [0])[...]) }
        let shown = EscapedBytes.describe(name)
        let target =
            inode.kind == .symbolicLink ? EscapedBytes.describe(try tree.symbolicLinkTarget(of: inode.number)) : nil
        if format.json { return try JSONLines.print(FileRow(name: shown, inode, target: target)) }
        guard long else { return try Terminal.write("\(shown)\n") }
        let fields = [
            FileRow.modeText(inode), "\(inode.linkCount)", "\(inode.owner)", "\(inode.group)", "\(inode.size)",
            "\(inode.times.modified)", shown + (target.map { " -> \($0)" } ?? ""),
        ]
        try Terminal.write(fields.joined(separator: " ") + "\n")
    }
}

/// One file of a listing, as JSON.
struct FileRow: Encodable {
    let name: String
    let kind: String
    let mode: String
    let links: UInt32
    let owner: UInt32
    let group: UInt32
    let size: UInt64
    let modified: String
    let inode: UInt64
    let target: String?

    init(name: String, _ inode: Inode, target: String?) {
        self.name = name
        kind = String(inode.kind.letter)
        mode = String(inode.permissions, radix: 8)
        links = inode.linkCount
        owner = inode.owner
        group = inode.group
        size = inode.size
        modified = inode.times.modified.description
        self.inode = inode.number.rawValue
        self.target = target
    }

    /// The ten letters of `ls -l`.
    static func modeText(_ inode: Inode) -> String {
        var letters = Array("rwxrwxrwx").enumerated().map { index, letter in
            inode.permissions >> (8 - index) & 1 == 1 ? letter : "-"
        }
        for (bit, position, special) in [(11, 2, "s"), (10, 5, "s"), (9, 8, "t")] as [(UInt32, Int, Character)]
        where inode.permissions >> bit & 1 == 1 {
            letters[position] = letters[position] == "x" ? special : Character(special.uppercased())
        }
        return String(inode.kind == .regular ? "-" : inode.kind.letter) + String(letters)
    }
}

import ArgumentParser
import Replication
import SnapshotModel

/// `cowpath cat SNAPSHOT/PATH`
struct CatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat", abstract: "Write the contents of files in snapshots to standard output.")

    /// Bytes read at once.
    private static let chunkLength = 1 << 20

    @Argument(help: "VOLUME/DATASET@SNAPSHOT/PATH")
    var files: [String]

    func run() throws {
        let opener = TreeOpener()
        for address in files {
            let opened = try opener.tree(address)
            guard let inode = try opened.tree.resolve(opened.path) else {
                throw SnapshotError(.notFound, "there is no such file in the snapshot", place: "\(opened.path)")
            }
            guard inode.kind == .regular, opened.tree.holdsData else {
                throw SnapshotError(.invalidRequest, "there are no contents to print", place: "\(opened.path)")
            }
            var offset: UInt64 = 0
            while offset < inode.size {
                let bytes = try opened.tree.read(inode.number, at: offset, count: CatCommand.chunkLength)
                guard !bytes.isEmpty else { break }
                try StandardOutput.write(bytes)
                offset += UInt64(bytes.count)
            }
        }
    }
}

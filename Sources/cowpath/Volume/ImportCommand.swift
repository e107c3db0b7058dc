import ArgumentParser
import DirectoryAccess
import Foundation
import Replication
import SnapshotModel

/// `cowpath import DIRECTORY DATASET[@SNAPSHOT]`
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Bring a dataset to what a directory holds now, and take a snapshot.",
        discussion: """
            Only files whose size, times or inode changed since the newest snapshot are read. The walk stays on \
            one file system. What cannot be read is reported, and the exit status is then 2.
            """)

    @Argument(help: "The directory to read.", completion: .directory)
    var directory: String

    @Argument(help: "VOLUME/DATASET[@SNAPSHOT]; the dataset is made if it is not there.")
    var dataset: String

    @Option(name: .long, help: "Leave out what matches a pattern with the rules of gitignore; may be repeated.")
    var exclude: [String] = []

    @Option(name: .long, help: "Read such patterns from a file, one a line.", completion: .file())
    var excludeFrom: [String] = []

    @Flag(name: .long, help: "Leave out what lies in directories with a CACHEDIR.TAG.")
    var excludeCaches = false

    @OptionGroup var output: ProgressOptions
    @OptionGroup var format: JSONOption

    func run() throws {
        var options = DirectoryTree.Options()
        for path in excludeFrom { options.excludes.add(contents: try readAll(path)) }
        for pattern in exclude { options.excludes.add(pattern: pattern.utf8) }
        options.excludesCaches = excludeCaches
        let importer = try Importer(directory: directory, into: dataset, options: options, opener: TreeOpener())
        let summary = try output.metered { report in
            try importer.run(cancellation: Terminal.cancellationBySignals(), report: report, logger: output.logger)
        }
        if format.json {
            try JSONLines.print(ReplaySummary(snapshots: [summary.snapshot], summary.totals, summary.losses))
        } else if !output.quiet {
            try Terminal.write("\(summary.snapshot)\n")
        }
        try Terminal.conclude(summary.losses)
    }
}

/// The bytes of a small file that the user names.
private func readAll(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
        throw SnapshotError(.notFound, "the file of patterns cannot be read", place: path)
    }
    return [UInt8](data)
}

/// What a replay did, as JSON.
struct ReplaySummary: Encodable {
    let snapshots: [String]
    let inodes: UInt64
    let instructions: UInt64
    let bytes: UInt64
    /// How many of each kind could not be kept.
    let losses: [String: UInt64]

    init(snapshots: [String], _ totals: SnapshotTotals, _ losses: ReplayLosses) {
        self.snapshots = snapshots
        inodes = totals.inodes
        instructions = totals.instructions
        bytes = totals.bytes
        self.losses = Dictionary(uniqueKeysWithValues: losses.counts.map { ($0.key.rawValue, $0.value) })
    }
}

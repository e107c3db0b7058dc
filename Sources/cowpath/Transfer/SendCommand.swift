import ArgumentParser
import Glibc
import Replication
import SendStream
import SnapshotModel

/// `cowpath send [-p BASE] [-c SNAPSHOT]... SNAPSHOT...`
struct SendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Write snapshots as a stream to standard output.",
        discussion: """
            With a base (-p) only the difference is sent. Of several snapshots, each is sent against the one \
            before it.
            """)

    @Argument(help: "VOLUME/DATASET@SNAPSHOT, or the path of a read-only btrfs subvolume; oldest first.")
    var snapshots: [String]

    @Option(
        name: [.customShort("p"), .customShort("i"), .customLong("parent")],
        help: "The snapshot or bookmark that the receiver has and that the stream starts from.")
    var base: String?

    @Option(
        name: [.customShort("c"), .customLong("clone-source")],
        help: "A snapshot that the receiver has and from which data may be cloned; may be repeated.")
    var cloneSources: [String] = []

    @OptionGroup var encoding: EncodingOptions

    @Flag(name: .long, help: "Pass stored extents on as they are, without compressing them again.")
    var compressedData = false

    @Flag(name: .long, help: "Send all contents, even those that the receiver could clone.")
    var noClones = false

    @Flag(name: .long, help: "Leave contents out.")
    var noData = false

    @Option(name: .short, help: "Write the stream to a file.", completion: .file())
    var file: String?

    @Flag(
        name: [.customShort("e")],
        help: "Of several snapshots in a btrfs stream, mark only the end of the last, as btrfs send -e does.")
    var endsOnce = false

    @Flag(name: [.customShort("n"), .long], help: "Send nothing; say what would be sent.")
    var dryRun = false

    @OptionGroup var output: ProgressOptions
    @OptionGroup var format: JSONOption

    func run() throws {
        var request = SendRequest(snapshots: snapshots, base: base)
        request.cloneSources = cloneSources
        request.compressedData = compressedData
        request.clonesExtents = !noClones
        request.withoutData = noData
        let sender = try Sender(request, opener: TreeOpener())
        if dryRun { return try printEstimate(sender) }

        let losses = try StreamOutput.withSink(file) { sink in
            try output.metered { report in
                let writer = try encoding.writer(
                    to: sink, passesEncodedExtents: compressedData, endsOnce: endsOnce)
                let metered = MeteredTarget(
                    writer, cancellation: Terminal.cancellationBySignals(), report: report, logger: output.logger)
                // A btrfs stream has no place for them.
                let announcesTotals = encoding.format == .cowpath || report != nil
                let losses = try sender.run(into: metered, announcesTotals: announcesTotals) { address in
                    // As btrfs send does, for scripts that read it.
                    if encoding.format == .btrfs, !output.quiet, report == nil { Terminal.say("At subvol \(address)") }
                }
                try writer.close()
                return losses
            }
        }
        try Terminal.conclude(losses)
    }

    private func printEstimate(_ sender: Sender) throws {
        for (name, totals) in try sender.estimate() {
            if format.json {
                try JSONLines.print(
                    SendEstimate(
                        snapshot: name, inodes: totals.inodes, instructions: totals.instructions, bytes: totals.bytes))
            } else {
                try Terminal.write(
                    "\(name): \(totals.inodes) inodes, \(totals.instructions) instructions, "
                        + "\(totals.bytes) bytes to read\n")
            }
        }
    }
}

/// What would be sent of one snapshot, as JSON.
private struct SendEstimate: Encodable {
    let snapshot: String
    let inodes: UInt64
    let instructions: UInt64
    let bytes: UInt64
}

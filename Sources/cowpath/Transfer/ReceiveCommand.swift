import ArgumentParser
import Replication
import SendStream
import SnapshotModel

/// `cowpath receive TARGET`
struct ReceiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive",
        abstract: "Replay a stream from standard input onto a volume or a directory.",
        discussion: """
            Streams of cowpath and of btrfs are told apart by themselves. In a volume a snapshot is made, in a \
            directory a directory named after the snapshot.
            """)

    @Argument(help: "VOLUME, VOLUME/DATASET[@SNAPSHOT] or a directory.", completion: .directory)
    var target: String

    @Option(name: .short, help: "Read the stream from a file.", completion: .file())
    var file: String?

    @Flag(name: .short, help: "Stop at the end that the stream marks, without waiting for more.")
    var endAtMark = false

    @Flag(name: .long, help: "Bring the directory itself up to date, instead of making one in it.")
    var mirror = false

    @Flag(name: [.customShort("F"), .long], help: "Roll back a dataset that has changed since the base.")
    var force = false

    @Flag(name: .long, help: "Fail on the first thing that cannot be kept.")
    var strict = false

    @Flag(name: .long, help: "Print the instructions, and replay nothing.")
    var dump = false

    @Flag(name: .long, help: "Decode compressed extents before they are stored.")
    var forceDecompress = false

    @Option(
        name: [.customShort("m")],
        help: "Accepted for btrfs receive's sake: snapshots are found without knowing the mount point.",
        completion: .directory)
    var mountPoint: String?

    @Flag(
        name: [.customShort("C"), .customLong("chroot")],
        help: "Accepted for btrfs receive's sake: nothing outside the target can be reached anyway.")
    var chroot = false

    @Option(
        name: [.customShort("E"), .customLong("max-errors")],
        help: "Only 1 can be had: a snapshot is received whole or not at all.")
    var maximumErrors = 1

    @OptionGroup var output: ProgressOptions
    @OptionGroup var format: JSONOption

    func validate() throws {
        guard maximumErrors == 1 else {
            throw ValidationError("a snapshot is received whole or not at all, so only -E 1 can be had")
        }
    }

    func run() throws {
        if dump { return try StoredStreams.dump(try StreamInput.open(file), write: Terminal.write) }
        var request = ReceiveRequest(target: target)
        request.mirror = mirror
        request.force = force
        request.strict = strict
        let receiver = try Receiver(request, opener: TreeOpener())
        let target = AdaptingTarget(receiver, excluding: forceDecompress ? .encodedWrites : [])
        let source = try StreamInput.open(file)
        let metered = try output.metered { report in
            let metered = MeteredTarget(
                target, cancellation: Terminal.cancellationBySignals(), report: report, logger: output.logger)
            try StoredStreams.replay(source, into: metered, honoursEnd: endAtMark)
            return metered
        }
        if format.json {
            try JSONLines.print(ReplaySummary(snapshots: receiver.received, metered.finished, receiver.losses))
        } else if !output.quiet {
            for name in receiver.received { try Terminal.write(EscapedBytes.describe(name.utf8) + "\n") }
        }
        try Terminal.conclude(receiver.losses)
    }
}

import ArgumentParser
import Replication
import SendStream
import SnapshotModel
import SystemCalls

/// `cowpath receive TARGET`
struct ReceiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receive",
        abstract: "Replay a stream from standard input onto a volume or a directory.",
        discussion: """
            Streams of cowpath and of btrfs are told apart by themselves. In a volume a snapshot is made, in a \
            directory a directory named after the snapshot, and on a mounted btrfs a read-only subvolume.
            """)

    @Argument(help: "VOLUME, VOLUME/DATASET[@SNAPSHOT] or a directory.", completion: .directory)
    var target: String?

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
        help: "Where else the base may be on a btrfs, for users who cannot search it all as root can.",
        completion: .directory)
    var mountPoint: String?

    @Flag(
        name: [.customShort("C"), .customLong("chroot")],
        help: "Confine the process to the target with chroot(2); only for root.")
    var chroot = false

    @Option(
        name: [.customShort("E"), .customLong("max-errors")],
        help: "Into a subvolume: end at this many failed steps, or with 0 at none; those are counted (status 2).")
    var maximumErrors: UInt64 = 1

    @OptionGroup var output: ProgressOptions
    @OptionGroup var format: JSONOption

    func run() throws {
        if dump { return try StoredStreams.dump(try StreamInput.open(file), write: Terminal.write) }
        guard let target else { throw ValidationError("Missing expected argument '<target>'") }
        let source = try StreamInput.open(file)
        if chroot { try confine(to: target) }
        var request = ReceiveRequest(target: chroot ? "/" : target)
        request.rootMount = mountPoint
        request.maximumFailures = maximumErrors
        request.mirror = mirror
        request.force = force
        request.strict = strict
        let receiver = try Receiver(request, opener: TreeOpener())
        let adapted = AdaptingTarget(receiver, excluding: forceDecompress ? .encodedWrites : [])
        // As btrfs receive speaks, for those who read what it says.
        var isStock = !output.quiet && !format.json
        let metered = try output.metered { report in
            let metered = MeteredTarget(
                adapted, cancellation: Terminal.cancellationBySignals(), report: report, logger: output.logger)
            try StoredStreams.replay(source, into: metered, honoursEnd: endAtMark) { encoding, header in
                isStock = isStock && encoding == .btrfs && receiver.makesSubvolumes
                if isStock { try announce(header) }
            }
            return metered
        }
        if format.json {
            try JSONLines.print(ReplaySummary(snapshots: receiver.received, metered.finished, receiver.losses))
        } else if !output.quiet, !isStock {
            for name in receiver.received { try Terminal.write(EscapedBytes.describe(name.utf8) + "\n") }
        }
        try Terminal.conclude(receiver.losses)
    }

    private func announce(_ header: SnapshotHeader) throws {
        let name = EscapedBytes.describe(header.name.utf8)
        if header.base.reference == nil {
            Terminal.say("At subvol \(name)")
        } else {
            try Terminal.write("At snapshot \(name)\n")
        }
    }

    private func confine(to target: String) throws {
        do {
            try CurrentProcess.confine(to: target)
        } catch {
            throw SnapshotError(
                error.isMissing || error.isNotADirectory ? .notFound : .system,
                "the process cannot be confined to its target", place: target, remedy: error.remedy, cause: error)
        }
    }
}

import ArgumentParser
import Replication

/// `cowpath restore SNAPSHOT[/PATH] DIRECTORY`
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Bring a snapshot, or a part of it, back into a directory.")

    @Argument(help: "VOLUME/DATASET@SNAPSHOT[/PATH]")
    var snapshot: String

    @Argument(help: "A directory that is empty or not there yet.", completion: .directory)
    var directory: String

    @Flag(name: .long, help: "Fail on the first thing that cannot be kept.")
    var strict = false

    @OptionGroup var output: ProgressOptions
    @OptionGroup var format: JSONOption

    func run() throws {
        let (totals, losses) = try output.metered { report in
            try Restorer.run(
                snapshot, into: directory, strict: strict, opener: TreeOpener(),
                cancellation: Terminal.cancellationBySignals(), report: report, logger: output.logger)
        }
        if format.json { try JSONLines.print(ReplaySummary(snapshots: [directory], totals, losses)) }
        try Terminal.conclude(losses)
    }
}

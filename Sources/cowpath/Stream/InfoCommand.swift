import ArgumentParser
import Replication
import SendStream

/// `cowpath info [STREAM]`
struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Say what a stream holds: its snapshots, their bases and sizes.")

    @Argument(help: "A stored stream; standard input where none is named.", completion: .file())
    var stream: String?

    @OptionGroup var format: JSONOption

    func run() throws {
        let (summary, snapshots) = try StoredStreams.verify(try StreamInput.open(stream))
        let report = StreamReport(summary, snapshots)
        if format.json { try JSONLines.print(report) } else { try Terminal.write(report.text) }
    }
}

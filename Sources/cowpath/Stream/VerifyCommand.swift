import ArgumentParser
import Replication
import SendStream

/// `cowpath verify [STREAM]`
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check every byte of a stream, and replay nothing.")

    @Argument(help: "A stored stream; standard input where none is named.", completion: .file())
    var stream: String?

    @Flag(name: .shortAndLong, help: "Say nothing on success.")
    var quiet = false

    @OptionGroup var format: JSONOption

    func run() throws {
        let (summary, snapshots) = try StoredStreams.verify(try StreamInput.open(stream))
        let report = StreamReport(summary, snapshots)
        if format.json {
            try JSONLines.print(report)
        } else if !quiet {
            try Terminal.write("whole: \(report.headline)\n")
        }
    }
}

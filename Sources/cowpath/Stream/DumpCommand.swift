import ArgumentParser
import Replication

/// `cowpath dump [STREAM]`
struct DumpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "Print the instructions of a stream, one a line.")

    @Argument(help: "A stored stream; standard input where none is named.", completion: .file())
    var stream: String?

    func run() throws {
        try StoredStreams.dump(try StreamInput.open(stream), write: Terminal.write)
    }
}

import ArgumentParser
import Replication
import SnapshotModel

/// `cowpath convert [STREAM]`
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Turn a stream of either encoding into the other.",
        discussion: "What the chosen encoding cannot say is reported, and the exit status is then 2.")

    @Argument(help: "A stored stream; standard input where none is named.", completion: .file())
    var stream: String?

    @Option(name: .short, help: "Write the stream to a file.", completion: .file())
    var file: String?

    @OptionGroup var encoding: EncodingOptions

    func run() throws {
        let source = try StreamInput.open(stream)
        let losses = try StreamOutput.withSink(file) { sink in
            let writer = try encoding.writer(to: sink)
            let adapter = AdaptingTarget(writer)
            try StoredStreams.replay(source, into: adapter)
            try writer.close()
            return adapter.losses
        }
        try Terminal.conclude(losses)
    }
}

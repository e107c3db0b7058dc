import ArgumentParser
import Glibc
import Replication
import SendStream
import SnapshotModel

/// Where streams are read from.
enum StreamInput {
    /// A file, or standard input where none is named or the name is `-`.
    static func open(_ path: String?) throws -> any ByteSource {
        if let path, path != "-" { return try StreamFileSource(path: path) }
        guard isatty(STDIN_FILENO) == 0 else {
            throw SnapshotError(
                .invalidRequest, "a stream is not read from a terminal", remedy: "use a pipe, or -f FILE")
        }
        return FileDescriptorSource(STDIN_FILENO)
    }
}

/// Where streams are written to.
enum StreamOutput {
    /// Runs work with a file, which gets its name only when the work is done, or with standard output.
    static func withSink<Result>(_ path: String?, _ work: (any ByteSink) throws -> Result) throws -> Result {
        guard let path, path != "-" else {
            guard isatty(STDOUT_FILENO) == 0 else {
                throw SnapshotError(
                    .invalidRequest, "a stream is not written to a terminal", remedy: "use a pipe, or -f FILE")
            }
            return try work(FileDescriptorSink(STDOUT_FILENO))
        }
        let sink = try StreamFileSink(path: path)
        let result = try work(sink)
        try sink.complete()
        return result
    }
}

/// An encoder that a stream is written with.
protocol StreamWriter: ReplayTarget {
    /// Ends the stream.
    func close() throws
}

extension CowpathStreamWriter: StreamWriter {}
extension BtrfsStreamWriter: StreamWriter {}

/// In which bytes a stream is written.
struct EncodingOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case cowpath, btrfs
    }

    @Option(name: .long, help: "The encoding of the stream.")
    var format = Format.cowpath

    @Option(name: .long, help: "The version of btrfs' protocol: 1 or 2; 0 for the newest.")
    var proto: UInt32?

    @Option(name: .long, help: "How the frames of a cowpath stream are compressed.")
    var codec = StreamCodec.zstd

    @Option(name: .long, help: "How hard to compress: 1 to 19 with zstd, 1 to 9 with zlib.")
    var level: Int?

    @Flag(name: .long, help: "Add an index of paths to a cowpath stream, for searching it when it is stored.")
    var index = false

    func validate() throws {
        if let proto, proto > 2 { throw ValidationError("there is no protocol \(proto): use 0, 1 or 2") }
        if proto != nil, format == .cowpath { throw ValidationError("--proto needs --format btrfs") }
        let levels = codec == .zlib ? 1...9 : 1...19
        if let level, !levels.contains(level) {
            throw ValidationError("there is no level \(level): use \(levels.lowerBound) to \(levels.upperBound)")
        }
    }

    /// The encoder.
    ///
    /// - Parameters:
    ///   - passesEncodedExtents: Whether, where no protocol is asked for, it is one that has encoded writes.
    ///   - endsOnce: Whether a btrfs stream of several snapshots has one end.
    func writer(
        to sink: any ByteSink, passesEncodedExtents: Bool = false, endsOnce: Bool = false
    ) throws -> any StreamWriter {
        switch format {
        case .btrfs:
            let version = proto ?? (passesEncodedExtents ? 2 : 1)
            return try BtrfsStreamWriter(
                to: sink, protocolVersion: version == 0 ? 2 : version, ends: endsOnce ? .last : .every)
        case .cowpath:
            var options = CowpathStreamWriter.Options()
            options.codec = codec
            options.level = level ?? (codec == .zlib ? 6 : 3)
            options.index = index
            return CowpathStreamWriter(to: sink, options: options)
        }
    }
}

extension StreamCodec: ExpressibleByArgument {
    public init?(argument: String) {
        guard let codec = StreamCodec.allCases.first(where: { "\($0)" == argument }) else { return nil }
        self = codec
    }

    public static var allValueStrings: [String] { allCases.map { "\($0)" } }
}

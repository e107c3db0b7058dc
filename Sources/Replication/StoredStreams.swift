package import SendStream
import SnapshotDiff
package import SnapshotModel

/// What can be done with a stream that is on its way or stored, without a source or a target.
package enum StoredStreams {
    /// Replays a stream of either encoding.
    ///
    /// - Parameter honoursEnd: Whether to stop at the first end that the stream marks.
    /// - Parameter onSnapshot: Told of every snapshot as it begins.
    @discardableResult
    package static func replay(
        _ source: any ByteSource, into target: any ReplayTarget, honoursEnd: Bool = false,
        onSnapshot: ((StreamEncoding, SnapshotHeader) throws -> Void)? = nil
    ) throws -> StreamSummary {
        var options = StreamReader.Options()
        options.honoursEnd = honoursEnd
        var encoding = StreamEncoding.cowpath
        options.onSnapshot = { try onSnapshot?(encoding, $0) }
        let reader = StreamReader(from: source, options: options)
        encoding = try reader.encoding()
        return try reader.replay(into: target)
    }

    /// Prints one instruction a line.
    package static func dump(_ source: any ByteSource, write: @escaping (String) throws -> Void) throws {
        try replay(source, into: DumpPrinter { try write($0 + "\n") })
    }

    /// Checks a whole stream and keeps nothing of it.
    ///
    /// - Returns: what the stream is, and what each of its snapshots holds.
    package static func verify(
        _ source: any ByteSource
    ) throws -> (summary: StreamSummary, snapshots: [StreamVerifier.Report]) {
        let verifier = StreamVerifier()
        let summary = try replay(source, into: verifier)
        return (summary, verifier.reports)
    }

    /// Writes the skeleton of a snapshot to a file.
    package static func writeBookmark(of address: String, to path: String, opener: TreeOpener) throws {
        let opened = try opener.tree(address)
        guard opened.path.isRoot, opened.volume.map({ $0.name.part != .head }) ?? true else {
            throw SnapshotError(
                .invalidRequest, "a bookmark is made of a whole snapshot", place: address,
                remedy: "write VOLUME/DATASET@SNAPSHOT")
        }
        try opener.requireReadOnly(opened, address)
        let sink = try StreamFileSink(path: path)
        // Some 700 inodes in a frame: who asks for few need not open all.
        let options = CowpathStreamWriter.Options(frameSize: 64 << 10)
        let writer = CowpathStreamWriter(to: sink, options: options, bookmarking: opened.tree)
        let identity = opened.tree.identity
        var header = SnapshotHeader(name: identity.name, snapshot: identity.reference, created: identity.created)
        header.dataset = opened.volume?.name.dataset
        header.isBookmark = true
        header.domain = opened.tree.domain
        header.lineage = identity.lineage
        try Planner(source: opened.tree).run(into: writer, header)
        try writer.close()
        try sink.complete()
    }
}

import Foundation
import Glibc
import SendStream
import SnapshotModel
import Testing

/// Streams where they come from and go to.
@Suite struct SourceTests {
    private static let sent = RecordingTarget.Snapshot(
        header: Samples.header("monday", 1), instructions: Samples.full)

    /// Gives a few bytes at a time, as a slow pipe does.
    private final class Trickle: ByteSource {
        private let source: ArraySource

        init(_ bytes: [UInt8]) { source = ArraySource(bytes) }

        func read(upTo count: Int) -> ArraySlice<UInt8> { source.read(upTo: min(count, 7)) }
    }

    @Test func `a stream passes through a pipe`() throws {
        var ends: [Int32] = [0, 0]
        try #require(unsafe pipe(&ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        defer { Glibc.close(reading) }
        let thread = Thread {
            defer { Glibc.close(writing) }
            let writer = CowpathStreamWriter(to: FileDescriptorSink(writing), options: .init(codec: .none))
            try? Samples.replay([SourceTests.sent], onto: writer)
            try? writer.close()
        }
        thread.start()
        let target = RecordingTarget()
        _ = try StreamReader(from: FileDescriptorSource(reading)).replay(into: target)
        #expect(target.finished == [SourceTests.sent])
    }

    @Test func `a source that gives little at a time loses nothing`() throws {
        for bytes in [try Samples.cowpath([SourceTests.sent]), try Samples.btrfs([SourceTests.sent], version: 2)] {
            let target = RecordingTarget()
            var heard: [UInt64] = []
            let options = StreamReader.Options(onProgress: { heard.append($0) })
            _ = try StreamReader(from: Trickle(bytes), options: options).replay(into: target)
            #expect(target.finished == [SourceTests.sent])
            #expect(heard == heard.sorted() && heard.last == UInt64(bytes.count))
        }
    }

    @Test func `a descriptor that cannot be written to gives the system's reason`() throws {
        let writer = CowpathStreamWriter(to: FileDescriptorSink(-1))
        let error = #expect(throws: SnapshotError.self) { try Samples.replay([SourceTests.sent], onto: writer) }
        #expect(error?.code == .system)
        #expect(throws: SnapshotError.self, "a stream that is not whole cannot be closed") { try writer.close() }
    }

    @Test func `a snapshot that was abandoned is never read as whole`() throws {
        let sink = ArraySink()
        let writer = CowpathStreamWriter(to: sink)
        try Samples.replay([SourceTests.sent], onto: writer)
        try writer.begin(Samples.header("tuesday", 2))
        try writer.apply(.makeFile(Samples.path("f"), Samples.inode(300)))
        writer.abandon()
        #expect(throws: SnapshotError.self) { try writer.close() }
        let target = RecordingTarget()
        #expect(throws: SnapshotError.self) { try StreamReader(from: ArraySource(sink.bytes)).replay(into: target) }
        #expect(target.finished == [SourceTests.sent])
    }

    @Test func `the verifier refuses contents in a stream that says it has none`() throws {
        var snapshot = SourceTests.sent
        snapshot.header.withoutData = true
        let bytes = try Samples.cowpath([snapshot])
        let error = #expect(throws: SnapshotError.self) {
            try StreamReader(from: ArraySource(bytes)).replay(into: StreamVerifier())
        }
        #expect(error?.code == .invalidInstruction)
    }
}

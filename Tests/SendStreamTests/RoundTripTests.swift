import SendStream
import SnapshotModel
import Testing

@Suite struct RoundTripTests {
    @Test(arguments: [1, 2, 3, 77, 20_260_101] as [UInt64])
    func `random instructions come back from a cowpath stream as they went in`(seed: UInt64) throws {
        print("seed \(seed)")
        var random = RandomInstructions(seed: seed, fitsBtrfs: false)
        var header = Samples.header("s", 1, base: .bookmark(Samples.reference(2)))
        header.created = Timestamp(seconds: -1, nanoseconds: 999_999_999)
        header.cloneSources = [Samples.reference(3)]
        header.domain = SnapshotUUID(high: .max, low: .max)
        header.dataset = "laptop/home"
        header.expected = SnapshotTotals(inodes: .max, instructions: 1, bytes: 2)
        let sent = RecordingTarget.Snapshot(header: header, instructions: (0..<800).map { _ in random.next() })
        for codec in StreamCodec.allCases {
            let bytes = try Samples.cowpath([sent], .init(codec: codec, frameSize: 50_000))
            #expect(try Samples.read(bytes) == [sent])
        }
    }

    @Test func `numbers of every width come back as they went in`() throws {
        let numbers: [UInt64] = (0..<64 as Range<UInt64>).flatMap { [1 << $0, (1 << $0) - 1, UInt64.max >> $0] }
        let sent = RecordingTarget.Snapshot(
            header: Samples.header("s", 1),
            instructions: numbers.flatMap { number -> [Instruction] in
                // At any distance from the end of a frame.
                [.makeFile(Samples.path("\(number)"), Samples.inode(number, number)), .unlink(Samples.path("a"))]
            })
        for frameSize in 40..<70 {
            #expect(try Samples.read(Samples.cowpath([sent], .init(frameSize: frameSize))) == [sent])
        }
    }

    @Test(arguments: [4, 5, 6] as [UInt64])
    func `random instructions come back from a btrfs stream as they went in`(seed: UInt64) throws {
        print("seed \(seed)")
        var random = RandomInstructions(seed: seed, fitsBtrfs: true)
        let header = Samples.header("s", 1, base: .parent(Samples.reference(2)))
        let sent = RecordingTarget.Snapshot(header: header, instructions: (0..<800).map { _ in random.next() })
        #expect(try Samples.read(Samples.btrfs([sent], version: 2)) == [sent])
    }

    @Test func `several snapshots come back in their order, however their ends are marked`() throws {
        let sent = [
            RecordingTarget.Snapshot(header: Samples.header("a", 1), instructions: Samples.full),
            RecordingTarget.Snapshot(
                header: Samples.header("b", 2, base: .parent(Samples.reference(1))),
                instructions: Samples.incremental),
        ]
        #expect(try Samples.read(Samples.cowpath(sent)) == sent)
        #expect(try Samples.read(Samples.btrfs(sent, ends: .every)) == sent)
        #expect(try Samples.read(Samples.btrfs(sent, ends: .last)) == sent)
    }

    @Test func `the same instructions give the same bytes`() throws {
        var random = RandomInstructions(seed: 9, fitsBtrfs: false)
        let sent = RecordingTarget.Snapshot(
            header: Samples.header("s", 1), instructions: (0..<500).map { _ in random.next() })
        #expect(try Samples.cowpath([sent], .init(frameSize: 9000)) == Samples.cowpath([sent], .init(frameSize: 9000)))
    }

    @Test func `a long write arrives whole in pieces that every reader takes`() throws {
        let data = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let sent = RecordingTarget.Snapshot(
            header: Samples.header("s", 1), instructions: [.write(Samples.path("f"), offset: 10, data: data[...])])
        for bytes in [
            try Samples.cowpath([sent]), try Samples.btrfs([sent], version: 1), try Samples.btrfs([sent], version: 2),
        ] {
            var joined: [UInt8] = []
            for case .write(_, let offset, let piece) in try Samples.read(bytes)[0].instructions {
                #expect(offset == 10 + UInt64(joined.count))
                #expect(piece.count <= 128 << 10)
                joined += piece
            }
            #expect(joined == data)
        }
    }

    @Test func `with -e nothing behind the first END is taken from the source`() throws {
        let sent = RecordingTarget.Snapshot(header: Samples.header("a", 1), instructions: Samples.full)
        let source = ArraySource(try Samples.btrfs([sent]) + Array("for someone else".utf8))
        let target = RecordingTarget()
        _ = try StreamReader(from: source, options: .init(honoursEnd: true)).replay(into: target)
        #expect(target.finished == [sent])
        #expect(source.read(upTo: 100).elementsEqual("for someone else".utf8))
    }

    @Test func `what protocol 1 cannot say is refused and not dropped`() throws {
        let writer = try BtrfsStreamWriter(to: ArraySink(), protocolVersion: 1)
        #expect(writer.accepts == [])
        try writer.begin(Samples.header("a", 1))
        let step = Instruction.allocate(Samples.path("f"), [.keepSize, .punchHole], offset: 0, length: 1)
        let error = #expect(throws: SnapshotError.self) { try writer.apply(step) }
        #expect(error?.code == .unsupported)
    }

    @Test func `a target that fails is told to abandon and its error names the snapshot`() throws {
        let sent = RecordingTarget.Snapshot(header: Samples.header("monday", 1), instructions: Samples.full)
        for bytes in [try Samples.cowpath([sent]), try Samples.btrfs([sent])] {
            let target = RecordingTarget()
            target.failsAtStep = 3
            let error = #expect(throws: SnapshotError.self) {
                try StreamReader(from: ArraySource(bytes)).replay(into: target)
            }
            #expect(error?.code == .system)
            #expect(error?.place?.contains("monday") == true)
            #expect(target.abandoned == 1)
            #expect(target.finished.isEmpty)
        }
    }

    @Test func `the summary counts what the stream held`() throws {
        let sent = RecordingTarget.Snapshot(header: Samples.header("a", 1), instructions: Samples.full)
        let bytes = try Samples.cowpath([sent])
        let summary = try StreamReader(from: ArraySource(bytes)).replay(into: StreamVerifier())
        #expect(summary.totals == SnapshotTotals(inodes: 7, instructions: 19, bytes: 5013))
        #expect(summary.streamBytes == UInt64(bytes.count))
        #expect(summary.encoding == .cowpath && summary.snapshots == 1 && summary.lastSnapshot == "a")
    }
}

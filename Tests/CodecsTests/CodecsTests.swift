import Codecs
import Testing

@Suite struct CodecsTests {
    private static let samples: [[UInt8]] = [
        [], [7], [UInt8](repeating: 0, count: 200_000),
        (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) },
    ]

    @Test(arguments: samples.indices) func `zstd gives back what it took`(_ index: Int) throws {
        let bytes = CodecsTests.samples[index]
        let frame = try Zstd.compress(bytes[...], level: 3)
        #expect(try Zstd.decompress(frame[...], limit: bytes.count) == bytes)
    }

    @Test(arguments: samples.indices) func `zlib gives back what it took`(_ index: Int) throws {
        let bytes = CodecsTests.samples[index]
        let stream = try Zlib.compress(bytes[...], level: 6)
        #expect(try Zlib.decompress(stream[...], limit: bytes.count) == bytes)
        #expect(try Zlib.decompress(stream[...], limit: bytes.count + 100) == bytes)
    }

    @Test(arguments: samples.indices) func `a check is the same with the processor's instruction and without`(
        _ index: Int
    ) {
        for start in 0..<10 {
            let sample = CodecsTests.samples[index].dropFirst(start)
            let bytes = unsafe sample.span.bytes
            let checks = (CRC32C.update(0x1234_5678, bytes), CRC32C.updateByTable(0x1234_5678, bytes))
            #expect(checks.0 == checks.1)
        }
    }

    @Test func `a bomb is refused before memory is taken for it`() throws {
        let bomb = [UInt8](repeating: 0, count: 1 << 20)
        let zstd = try Zstd.compress(bomb[...], level: 3)
        let zlib = try Zlib.compress(bomb[...], level: 6)
        #expect(throws: CodecError.self) { try Zstd.decompress(zstd[...], limit: bomb.count - 1) }
        #expect(throws: CodecError.self) { try Zlib.decompress(zlib[...], limit: bomb.count - 1) }
    }

    @Test func `damaged and cut frames are errors`() throws {
        let bytes: [UInt8] = (0..<5000).map { UInt8(truncatingIfNeeded: $0 % 251) }
        let zstd = try Zstd.compress(bytes[...], level: 3)
        let zlib = try Zlib.compress(bytes[...], level: 6)
        for length in [0, 1, 4, zstd.count - 1] {
            #expect(throws: CodecError.self) { try Zstd.decompress(zstd.prefix(length), limit: 5000) }
        }
        for length in [0, 1, 4, zlib.count - 1] {
            #expect(throws: CodecError.self) { try Zlib.decompress(zlib.prefix(length), limit: 5000) }
        }
    }

    @Test func `a frame of btrfs is decoded whatever pads it, and no further than it may`() throws {
        let bytes: [UInt8] = (0..<5000).map { UInt8(truncatingIfNeeded: $0 % 251) }
        let padding = [UInt8](repeating: 0, count: 700)
        let zstd = try Zstd.compress(bytes[...], level: 3)
        let zlib = try Zlib.compress(bytes[...], level: 6)
        for (frame, compression) in [(zstd, 2), (zlib, 1)] as [([UInt8], UInt32)] {
            let padded = (frame + padding)[...]
            #expect(try PaddedFrame.decode(padded, compression: compression, length: 5000) == bytes)
            #expect(try PaddedFrame.decode(padded, compression: compression, length: 8192).starts(with: bytes))
            #expect(throws: CodecError.self) { try PaddedFrame.decode(padded, compression: compression, length: 4999) }
            #expect(throws: CodecError.self) {
                try PaddedFrame.decode(frame.dropLast(40), compression: compression, length: 5000)
            }
        }
        #expect(Zstd.firstFrame(of: (zstd + padding)[...], decodingTo: 5000)?.count == zstd.count)
        #expect(Zstd.firstFrame(of: (zstd + padding)[...], decodingTo: 5001) == nil)
    }

    @Test func `lzo as btrfs keeps it is decoded, and damage anywhere in it does no harm`() throws {
        // Five literals, five bytes from five before, the end; one segment.
        let stream: [UInt8] = [22] + Array("hello".utf8) + [144, 0, 17, 0, 0]
        let frame: [UInt8] = [19, 0, 0, 0, 11, 0, 0, 0] + stream
        #expect(try PaddedFrame.decode(frame[...], compression: 3, length: 10) == Array("hellohello".utf8))
        #expect(throws: CodecError.self) { try PaddedFrame.decode(frame[...], compression: 3, length: 9) }
        for index in frame.indices {
            #expect(throws: CodecError.self) {
                try PaddedFrame.decode(frame.prefix(index), compression: 3, length: 10)
            }
            for change in UInt8(1)...255 {
                var damaged = frame
                damaged[index] ^= change
                let decoded = try? PaddedFrame.decode(damaged[...], compression: 3, length: 10)
                #expect(decoded.map { $0.count == 10 } ?? true)
            }
        }
    }

    @Test func `the check is that of RFC 3720`() {
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)[...]) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](0..<32)[...]) == 0x46DD_794E)
        #expect(CRC32C.checksum(Array("123456789".utf8)[...]) == 0xE306_9283)
    }
}

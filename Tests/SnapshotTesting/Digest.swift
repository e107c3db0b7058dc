/// A digest for comparing contents in tests: FNV-1a over words of eight bytes, then over what is left.
enum Digest {
    static let seed: UInt64 = 0xCBF2_9CE4_8422_2325

    static func of(_ bytes: ArraySlice<UInt8>, after previous: UInt64 = seed) -> UInt64 {
        var digest = previous
        var index = 0
        let span = unsafe bytes.span.bytes
        while index + 8 <= span.byteCount {
            let word = unsafe span.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            digest = (digest ^ word) &* 0x0000_0100_0000_01B3
            // Multiplication alone never carries a high bit downwards.
            digest ^= digest >> 29
            index += 8
        }
        for byte in bytes.dropFirst(index) { digest = (digest ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return digest
    }
}

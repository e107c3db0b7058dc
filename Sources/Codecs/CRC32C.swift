import CChecksum

/// The Castagnoli cyclic redundancy check (RFC 3720, appendix B.4), eight bytes a step.
package enum CRC32C {
    /// The polynomial 0x1EDC6F41 with its bits reversed.
    private static let polynomial: UInt32 = 0x82F6_3B78

    /// Row `k` holds the check of each byte followed by `k` zero bytes.
    private static let tables: [[UInt32]] = {
        var rows = [
            (0..<256).map { (byte: UInt32) in
                (0..<8).reduce(byte) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
            }
        ]
        for row in 1..<8 {
            rows.append(rows[row - 1].map { $0 >> 8 ^ rows[0][Int($0 & 0xFF)] })
        }
        return rows
    }()

    private static let table: [UInt32] = tables.flatMap { $0 }

    /// Continues a check over further bytes, inverting nothing: with 0 to begin, the one of btrfs send streams.
    package static func update(_ crc: UInt32, _ bytes: ArraySlice<UInt8>) -> UInt32 {
        unsafe update(crc, bytes.span.bytes)
    }

    /// Continues a check over further bytes.
    package static func update(_ crc: UInt32, _ bytes: RawSpan) -> UInt32 {
        var updated = crc
        let isDone = unsafe bytes.withUnsafeBytes { unsafe cowpath_crc32c(&updated, $0.baseAddress, $0.count) }
        return isDone != 0 ? updated : updateByTable(crc, bytes)
    }

    /// The same on a processor that has no instruction for it.
    package static func updateByTable(_ crc: UInt32, _ bytes: RawSpan) -> UInt32 {
        let table = CRC32C.table.span
        var crc = crc
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            // The loop's condition keeps both loads inside the span.
            let word =
                unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
                ^ UInt64(crc)
            crc = 0
            for position in 0..<8 {
                crc ^= table[(7 - position) * 256 + Int(word >> (8 * UInt64(position)) & 0xFF)]
            }
            offset += 8
        }
        while offset < bytes.byteCount {
            let byte = unsafe UInt32(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            crc = crc >> 8 ^ table[Int((crc ^ byte) & 0xFF)]
            offset += 1
        }
        return crc
    }

    /// The usual check: all ones to begin, inverted at the end.
    package static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~update(~0, bytes)
    }
}

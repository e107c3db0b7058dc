extension EncodedExtent {
    /// Decodes stored bytes, by btrfs' number of how they are compressed, to as many as are asked for.
    package typealias Decoder = (_ stored: ArraySlice<UInt8>, _ compression: UInt32, _ length: Int) throws -> [UInt8]

    /// The bytes that the stored ones decode to: exactly ``decodedLength``, of which the file's range is
    /// ``decodedRange()``.
    ///
    /// - Parameter decode: knows every ``ExtentEncoding``, as `PaddedFrame` does.
    /// - Throws: ``SnapshotError``: corrupt, or a length beyond its limit.
    package func decoded(by decode: Decoder) throws(SnapshotError) -> [UInt8] {
        guard decodedLength <= UInt64(EncodedExtent.maximumDecodedLength) else {
            throw SnapshotError(
                .limitExceeded,
                "an encoded extent of \(decodedLength) bytes is longer than \(EncodedExtent.maximumDecodedLength)")
        }
        do {
            return try decode(bytes, encoding.rawValue, Int(decodedLength))
        } catch {
            throw SnapshotError(
                .corrupt, "an encoded extent cannot be decoded", remedy: "send without --compressed-data",
                cause: error)
        }
    }

    /// Where in the decoded bytes the file's range lies.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidInstruction`` where it reaches beyond them.
    package func decodedRange() throws(SnapshotError) -> Range<Int> {
        guard decodedLength <= UInt64(EncodedExtent.maximumDecodedLength), decodedOffset <= decodedLength,
            fileLength <= decodedLength - decodedOffset
        else { throw SnapshotError(.invalidInstruction, "the lengths of an encoded extent do not agree") }
        return Int(decodedOffset)..<Int(decodedOffset + fileLength)
    }
}

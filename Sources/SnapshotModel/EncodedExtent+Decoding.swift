import Codecs

extension EncodedExtent {
    /// The bytes that the stored ones decode to: exactly ``decodedLength``, of which the file's range is
    /// ``decodedRange()``.
    ///
    /// - Throws: ``SnapshotError``: corrupt, unsupported, or a length beyond its limit.
    package func decoded() throws(SnapshotError) -> [UInt8] {
        guard decodedLength <= UInt64(EncodedExtent.maximumDecodedLength) else {
            throw SnapshotError(
                .limitExceeded,
                "an encoded extent of \(decodedLength) bytes is longer than \(EncodedExtent.maximumDecodedLength)")
        }
        do {
            return try PaddedFrame.decode(bytes, compression: encoding.rawValue, length: Int(decodedLength))
        } catch {
            throw SnapshotError(
                error.isUnsupported ? .unsupported : .corrupt, "an encoded extent cannot be decoded",
                remedy: "send without --compressed-data", cause: error)
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

import CZlib

/// zlib streams (RFC 1950), whole and in memory.
package enum Zlib {
    /// The levels that ``compress(_:level:)`` takes.
    package static let levels = 0...9

    /// The level where none is asked for (zlib.h: the default compromise of speed and size).
    package static let defaultLevel = 6

    /// Compresses bytes into one stream.
    package static func compress(_ bytes: ArraySlice<UInt8>, level: Int) throws(CodecError) -> [UInt8] {
        let result = unsafe bytes.withUnsafeBytes { source -> Result<[UInt8], CodecError> in
            var status = Z_OK
            let bound = Int(compressBound(UInt(source.count)))
            let compressed = unsafe [UInt8](unsafeUninitializedCapacity: bound) { target, count in
                var written = UInt(target.count)
                unsafe status = compress2(
                    target.baseAddress, &written, source.bindMemory(to: UInt8.self).baseAddress, UInt(source.count),
                    Int32(level))
                count = status == Z_OK ? Int(written) : 0
            }
            return status == Z_OK ? .success(compressed) : .failure(CodecError("zlib cannot compress: \(status)"))
        }
        return try result.get()
    }

    /// Decompresses one stream that decodes to exactly, or at most, `limit` bytes.
    ///
    /// - Parameter limit: The most bytes that it may decode to; memory is taken for as many.
    package static func decompress(_ bytes: ArraySlice<UInt8>, limit: Int) throws(CodecError) -> [UInt8] {
        let result = unsafe bytes.withUnsafeBytes { source -> Result<[UInt8], CodecError> in
            var status = Z_OK
            let decompressed = unsafe [UInt8](unsafeUninitializedCapacity: max(1, limit)) { target, count in
                var written = UInt(limit)
                // An empty buffer needs an address all the same.
                unsafe status = uncompress(
                    target.baseAddress, &written, source.bindMemory(to: UInt8.self).baseAddress, UInt(source.count))
                count = status == Z_OK ? Int(written) : 0
            }
            switch status {
            case Z_OK: return .success(decompressed)
            case Z_BUF_ERROR: return .failure(CodecError("a zlib stream that is cut or holds over \(limit) bytes"))
            default: return .failure(CodecError("a damaged zlib stream: \(status)"))
            }
        }
        return try result.get()
    }
}

import CZstd

/// Zstandard frames (RFC 8878), whole and in memory.
package enum Zstd {
    /// The levels that ``compress(_:level:)`` takes; negative ones trade size for speed.
    package static let levels = -7...19

    /// The level where none is asked for.
    package static let defaultLevel = 3

    /// The base-two logarithm of the window for long inputs: 4 MiB, the longest frame of a stream.
    private static let longWindow: Int32 = 22

    /// Compresses bytes into one frame that says how long they are.
    package static func compress(_ bytes: ArraySlice<UInt8>, level: Int) throws(CodecError) -> [UInt8] {
        let contexts = try threadContexts()
        // By way of a place that is used again: a result that had room for the worst case would keep it.
        let room = unsafe contexts.room(for: ZSTD_compressBound(bytes.count))
        let context = unsafe contexts.compression
        _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
        // Middle levels would look back no farther than 2 MiB, whatever the length of what is compressed.
        _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, bytes.count > 1 << 21 ? longWindow : 0)
        let written = unsafe bytes.withUnsafeBytes { source in
            unsafe ZSTD_compress2(context, room.baseAddress, room.count, source.baseAddress, source.count)
        }
        guard ZSTD_isError(written) == 0 else {
            throw CodecError("zstd cannot compress: \(errorName(written))")
        }
        return unsafe [UInt8](room.prefix(written))
    }

    /// Decompresses one frame.
    ///
    /// - Parameter limit: The most bytes that it may decode to; memory is never taken for more.
    package static func decompress(_ bytes: ArraySlice<UInt8>, limit: Int) throws(CodecError) -> [UInt8] {
        let context = unsafe try threadContexts().decompression
        let result = unsafe bytes.withUnsafeBytes { source -> Result<[UInt8], CodecError> in
            let declared = unsafe ZSTD_getFrameContentSize(source.baseAddress, source.count)
            // The two highest values mean an unknown size and an error (zstd.h).
            guard declared < UInt64.max - 1 else { return .failure(CodecError("not a zstd frame that says its size")) }
            guard declared <= UInt64(limit) else {
                return .failure(CodecError("a zstd frame of \(declared) bytes, where \(limit) are allowed"))
            }
            var failure: CodecError?
            let decompressed = unsafe [UInt8](unsafeUninitializedCapacity: max(1, Int(declared))) { target, count in
                let read = unsafe ZSTD_decompressDCtx(
                    context, target.baseAddress, Int(declared), source.baseAddress, source.count)
                if ZSTD_isError(read) != 0 {
                    failure = CodecError("a damaged zstd frame: \(errorName(read))")
                } else if read != Int(declared) {
                    failure = CodecError("a zstd frame of \(read) bytes that says \(declared)")
                } else {
                    count = read
                }
            }
            return failure.map { .failure($0) } ?? .success(decompressed)
        }
        return try result.get()
    }

    /// The first frame of the bytes, where it says that it decodes to `length` bytes; nil for anything else.
    package static func firstFrame(of bytes: ArraySlice<UInt8>, decodingTo length: Int) -> ArraySlice<UInt8>? {
        let size = unsafe bytes.withUnsafeBytes { source -> Int? in
            guard unsafe ZSTD_getFrameContentSize(source.baseAddress, source.count) == UInt64(length) else {
                return nil
            }
            let size = unsafe ZSTD_findFrameCompressedSize(source.baseAddress, source.count)
            return ZSTD_isError(size) == 0 ? size : nil
        }
        return size.map { bytes.prefix($0) }
    }

    static func errorName(_ code: Int) -> String {
        unsafe String(cString: ZSTD_getErrorName(code))
    }
}

import CZstd

/// Compressed data as btrfs keeps it: one frame of up to 128 KiB, padded to the end of a disk sector.
package enum PaddedFrame {
    /// log2 of 128 KiB, the largest window of a frame that btrfs writes (btrfs(5), "Compression").
    private static let maximumWindowLog: Int32 = 17

    /// Decodes a frame, whatever stands behind it; what it leaves out at its end reads as zeros.
    ///
    /// - Parameters:
    ///   - compression: The number that btrfs has for it: 0 none, 1 zlib, 2 zstd, 3 to 7 lzo by sector size
    ///     (btrfs-progs, "Send stream format").
    ///   - length: How many bytes the frame stands for.
    /// - Returns: exactly `length` bytes.
    /// - Throws: ``CodecError``, for unknown numbers too.
    package static func decode(
        _ bytes: ArraySlice<UInt8>, compression: UInt32, length: Int
    ) throws(CodecError) -> [UInt8] {
        var decoded: [UInt8]
        switch compression {
        case 0:
            guard bytes.count <= length else { throw CodecError("more bytes than were announced") }
            decoded = [UInt8](bytes)
        case 1: decoded = try Zlib.decompress(bytes, limit: length)
        case 2: decoded = try decompressFirst(bytes, limit: length)
        // The sectors are of 4 KiB for 3, of 64 KiB for 7.
        case 3...7: decoded = try LZO.decompressExtent(bytes, sectorSize: 512 << Int(compression), limit: length)
        default: throw CodecError("data compressed in an unknown way (\(compression))")
        }
        decoded.append(contentsOf: repeatElement(0, count: length - decoded.count))
        return decoded
    }

    /// The first zstd frame, which need not say how long it is.
    private static func decompressFirst(_ bytes: ArraySlice<UInt8>, limit: Int) throws(CodecError) -> [UInt8] {
        let context = unsafe try Zstd.threadContexts().decompression
        let result = unsafe bytes.withUnsafeBytes { source -> Result<[UInt8], CodecError> in
            var failure: CodecError?
            let decoded = unsafe [UInt8](unsafeUninitializedCapacity: max(1, limit)) { target, count in
                var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
                var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: limit, pos: 0)
                _ = unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, maximumWindowLog)
                defer { _ = unsafe ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters) }
                while true {
                    let before = unsafe (input.pos, output.pos)
                    let left = unsafe ZSTD_decompressStream(context, &output, &input)
                    if ZSTD_isError(left) != 0 {
                        failure = CodecError("a damaged zstd frame: \(Zstd.errorName(left))")
                        return
                    }
                    count = unsafe output.pos
                    if left == 0 { return }
                    if unsafe before == (input.pos, output.pos) {
                        failure = CodecError("a zstd frame that is cut or holds over \(limit) bytes")
                        return
                    }
                }
            }
            return failure.map { .failure($0) } ?? .success(decoded)
        }
        return try result.get()
    }
}

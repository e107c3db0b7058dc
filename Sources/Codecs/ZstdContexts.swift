import CZstd
import Foundation

/// The two contexts that zstd keeps between frames: making them anew costs more than a small frame.
@safe final class ZstdContexts {
    let compression: OpaquePointer
    let decompression: OpaquePointer

    fileprivate init() throws(CodecError) {
        guard let compression = unsafe ZSTD_createCCtx() else { throw CodecError("zstd has no memory") }
        guard let decompression = unsafe ZSTD_createDCtx() else {
            unsafe ZSTD_freeCCtx(compression)
            throw CodecError("zstd has no memory")
        }
        unsafe self.compression = compression
        unsafe self.decompression = decompression
    }

    deinit {
        unsafe ZSTD_freeCCtx(compression)
        unsafe ZSTD_freeDCtx(decompression)
    }
}

extension Zstd {
    private static let threadKey = "cowpath.zstd"

    /// The contexts of the calling thread.
    static func threadContexts() throws(CodecError) -> ZstdContexts {
        let dictionary = Thread.current.threadDictionary
        if let contexts = dictionary[threadKey] as? ZstdContexts { return contexts }
        let contexts = try ZstdContexts()
        dictionary[threadKey] = contexts
        return contexts
    }
}

import CZstd
import Foundation

/// What is kept between frames: the two contexts of zstd, since making them anew costs more than a small frame,
/// and room for a compressed frame.
@safe final class ZstdContexts {
    let compression: OpaquePointer
    let decompression: OpaquePointer
    private var room = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// Room for a frame, overwritten by the next one.
    func room(for count: Int) -> UnsafeMutableRawBufferPointer {
        if unsafe room.count < count {
            unsafe room.deallocate()
            unsafe room = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
        }
        return unsafe room
    }

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
        unsafe room.deallocate()
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

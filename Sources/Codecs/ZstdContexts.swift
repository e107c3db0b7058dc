import CZstd
import Glibc

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
    /// Where each thread keeps its contexts; nil where the process has no key left (pthread_key_create(3)). They are
    /// asked for with each frame of a few bytes, and a thread's dictionary takes as long as such a frame.
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        let status = unsafe pthread_key_create(&key) { contexts in
            if let contexts = unsafe contexts { unsafe Unmanaged<ZstdContexts>.fromOpaque(contexts).release() }
        }
        return status == 0 ? key : nil
    }()

    /// The contexts of the calling thread, or new ones where there is no room to keep them.
    static func threadContexts() throws(CodecError) -> ZstdContexts {
        guard let key else { return try ZstdContexts() }
        if let known = unsafe pthread_getspecific(key) {
            return unsafe Unmanaged<ZstdContexts>.fromOpaque(known).takeUnretainedValue()
        }
        let contexts = try ZstdContexts()
        let kept = unsafe Unmanaged.passRetained(contexts)
        if unsafe pthread_setspecific(key, kept.toOpaque()) != 0 { unsafe kept.release() }
        return contexts
    }
}

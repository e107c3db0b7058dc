import CLinux
package import Glibc
import SystemPackage

/// The owner of an open file descriptor, which it closes at the end of its life.
package struct Descriptor: ~Copyable, Sendable {
    /// The number, to be lent to calls and never closed.
    package let rawValue: Int32

    /// Takes over an open descriptor.
    package init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    deinit {
        _ = Glibc.close(rawValue)
    }

    /// Opens a path as open(2) does, with `O_CLOEXEC`.
    package static func open(_ path: String, flags: Int32, mode: mode_t = 0o666) throws(SystemCallError) -> Descriptor {
        Descriptor(owning: try retrying("open", path) { unsafe Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
    package func read(at offset: UInt64, count: Int) throws(SystemCallError) -> [UInt8] {
        unsafe try fillBuffer(count: count) { target, filled throws(SystemCallError) in
            try retrying("pread") {
                unsafe pread(rawValue, target, count - filled, off_t(clamping: offset) + off_t(filled))
            }
        }
    }

    /// Reads up to `count` bytes from where the descriptor stands; fewer only at the end.
    package func read(count: Int) throws(SystemCallError) -> [UInt8] {
        unsafe try fillBuffer(count: count) { target, filled throws(SystemCallError) in
            try retrying("read") { unsafe Glibc.read(rawValue, target, count - filled) }
        }
    }

    /// Reads what is there next, at least a byte and up to `count`, from a descriptor that somebody else owns;
    /// nothing only at the end.
    package static func readSome(upTo count: Int, from rawValue: Int32) throws(SystemCallError) -> [UInt8] {
        var failure: SystemCallError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(1, count)) { buffer, filled in
            do throws(SystemCallError) {
                filled = try retrying("read") { unsafe Glibc.read(rawValue, buffer.baseAddress, buffer.count) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        // Who keeps a part of it keeps all of its room.
        return bytes.count < count / 4 ? unsafe bytes.withUnsafeBufferPointer { unsafe [UInt8]($0) } : bytes
    }

    /// Whether there is something to read, or the end, without a wait.
    package static func hasInput(_ rawValue: Int32) -> Bool {
        var request = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&request, 1, 0) != 0
    }

    /// Writes all bytes at `offset`.
    package func write(_ bytes: ArraySlice<UInt8>, at offset: UInt64) throws(SystemCallError) {
        unsafe try Descriptor.drainBuffer(bytes) { source, written throws(SystemCallError) in
            try retrying("pwrite") {
                unsafe pwrite(rawValue, source, bytes.count - written, off_t(clamping: offset) + off_t(written))
            }
        }
    }

    /// Writes all bytes where the descriptor stands.
    package func write(_ bytes: ArraySlice<UInt8>) throws(SystemCallError) {
        try Descriptor.write(bytes, to: rawValue)
    }

    /// Gives a pipe room for as much as a user may ask for (fs.pipe-max-size is 1 MiB where nobody has set it), so that
    /// both ends change places less often. Does nothing for what is no pipe.
    package static func widenPipe(_ rawValue: Int32) {
        _ = cowpath_widen_pipe(rawValue, 1 << 20)
    }

    /// Writes all bytes to a descriptor that somebody else owns, such as standard output.
    package static func write(_ bytes: ArraySlice<UInt8>, to rawValue: Int32) throws(SystemCallError) {
        unsafe try drainBuffer(bytes) { source, written throws(SystemCallError) in
            try retrying("write") { unsafe Glibc.write(rawValue, source, bytes.count - written) }
        }
    }

    /// Makes contents and the metadata needed to find them durable (fdatasync(2)).
    package func syncData() throws(SystemCallError) {
        _ = try retrying("fdatasync") { fdatasync(rawValue) }
    }

    /// Makes contents and all metadata durable (fsync(2)).
    package func sync() throws(SystemCallError) {
        _ = try retrying("fsync") { fsync(rawValue) }
    }

    private func fillBuffer(
        count: Int, _ step: (UnsafeMutableRawPointer?, Int) throws(SystemCallError) -> Int
    ) throws(SystemCallError) -> [UInt8] {
        var failure: SystemCallError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let base = UnsafeMutableRawPointer(buffer.baseAddress)
            while filled < count {
                do throws(SystemCallError) {
                    let moved = unsafe try step(base.map { unsafe $0 + filled }, filled)
                    if moved == 0 { return }
                    filled += moved
                } catch {
                    failure = error
                    return
                }
            }
        }
        if let failure { throw failure }
        return bytes
    }

    private static func drainBuffer(
        _ bytes: ArraySlice<UInt8>, _ step: (UnsafeRawPointer?, Int) throws(SystemCallError) -> Int
    ) throws(SystemCallError) {
        let failure = unsafe bytes.withUnsafeBytes { buffer -> SystemCallError? in
            var written = 0
            while written < buffer.count {
                do throws(SystemCallError) {
                    written += unsafe try step(buffer.baseAddress.map { unsafe $0 + written }, written)
                } catch {
                    return error
                }
            }
            return nil
        }
        if let failure { throw failure }
    }
}

import Glibc

extension Descriptor {
    /// How many pieces one call takes, fewer than the kernel does (`UIO_MAXIOV`, 1024).
    private static let piecesInCall = 128

    /// Writes all bytes of several pieces, one behind another, to a descriptor that somebody else owns (writev(2)).
    package static func write(_ pieces: [ArraySlice<UInt8>], to rawValue: Int32) throws(SystemCallError) {
        var rest = pieces[...]
        while !rest.isEmpty {
            var vectors = unsafe [iovec]()
            let failure = unsafe withVectors(rest.prefix(piecesInCall), &vectors) { vectors -> SystemCallError? in
                do throws(SystemCallError) {
                    unsafe try drain(&vectors, to: rawValue)
                    return nil
                } catch {
                    return error
                }
            }
            if let failure { throw failure }
            rest = rest.dropFirst(piecesInCall)
        }
    }

    /// Appends where each piece lies that is not empty, and runs `body` with that; it holds until `body` returns.
    private static func withVectors<Result>(
        _ pieces: ArraySlice<ArraySlice<UInt8>>, _ vectors: inout [iovec], _ body: (inout [iovec]) -> Result
    ) -> Result {
        guard let piece = pieces.first else { return unsafe body(&vectors) }
        if piece.isEmpty { return unsafe withVectors(pieces.dropFirst(), &vectors, body) }
        return unsafe piece.withUnsafeBytes { buffer in
            unsafe vectors.append(
                iovec(iov_base: UnsafeMutableRawPointer(mutating: buffer.baseAddress), iov_len: buffer.count))
            return unsafe withVectors(pieces.dropFirst(), &vectors, body)
        }
    }

    private static func drain(_ vectors: inout [iovec], to rawValue: Int32) throws(SystemCallError) {
        var first = 0
        while unsafe first < vectors.count {
            var written = try retrying("writev") {
                unsafe vectors[first...].withUnsafeBufferPointer { rest in
                    unsafe writev(rawValue, rest.baseAddress, Int32(rest.count))
                }
            }
            while unsafe first < vectors.count, unsafe written >= vectors[first].iov_len {
                unsafe written -= vectors[first].iov_len
                first += 1
            }
            if written > 0 {
                unsafe vectors[first].iov_base += written
                unsafe vectors[first].iov_len -= written
            }
        }
    }
}

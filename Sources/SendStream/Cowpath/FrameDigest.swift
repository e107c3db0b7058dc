import Crypto
import Foundation
import Workers

/// The SHA-256 of a snapshot's stored frames, worked out by a thread while the next frame is on its way: one frame at
/// a time, and so no more than one is kept for it.
struct FrameDigest {
    private let pool: WorkerPool
    private var pending: PendingResult<SHA256>?

    init(pool: WorkerPool) {
        self.pool = pool
    }

    /// Begins with another snapshot.
    mutating func restart() {
        pending = nil
    }

    /// Takes in a frame.
    mutating func add(_ header: ArraySlice<UInt8>, _ stored: ArraySlice<UInt8>) throws {
        let before = try pending?.value() ?? SHA256()
        pending = pool.start {
            var hasher = before
            hasher.update(data: header)
            hasher.update(data: stored)
            return hasher
        }
    }

    /// The digest of the frames so far.
    func value() throws -> [UInt8] {
        [UInt8]((try pending?.value() ?? SHA256()).finalize())
    }
}

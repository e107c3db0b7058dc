import Crypto
import Foundation
import SnapshotModel

/// The SHA-256 by which an extent is known: that of its stored bytes and their encoding.
///
/// Stored bytes are several times fewer than those of the file, and give those of the file, so equal hashes mean
/// equal contents. The encoding belongs to it: what is stored raw may itself be a frame.
struct StoredHash: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Hashes bytes as they are stored.
    init(of bytes: ArraySlice<UInt8>, _ encoding: ExtentEncoding) {
        var hash = SHA256()
        unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        unsafe withUnsafeBytes(of: encoding.rawValue.littleEndian) { unsafe hash.update(bufferPointer: $0) }
        words = unsafe hash.finalize().withUnsafeBytes { digest in
            unsafe digest.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self)
        }
    }

    /// A hash as a row has it; nil where it has another length.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == SHA256.byteCount else { return nil }
        words = unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) }
    }

    /// The hash for a row.
    var bytes: [UInt8] {
        unsafe withUnsafeBytes(of: words) { unsafe [UInt8]($0) }
    }

    static func == (left: StoredHash, right: StoredHash) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        // Any part of it is as good as random.
        hasher.combine(words.0)
    }
}

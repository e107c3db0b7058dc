import Codecs
import SnapshotModel

/// A frame as it is stored.
struct SealedFrame: Sendable {
    let header: FrameHeader
    let stored: ArraySlice<UInt8>
    /// The first path in it, for the index.
    let firstPath: RelativePath?

    /// Compresses bytes; where that makes them no smaller, they are stored as they are.
    static func seal(
        _ raw: [UInt8], kind: FrameKind, sequence: UInt64, codec: StreamCodec, level: Int, firstPath: RelativePath?
    ) throws -> SealedFrame {
        var used = codec
        var stored = raw[...]
        switch codec {
        case .none: break
        case .zlib: stored = try Zlib.compress(raw[...], level: level)[...]
        case .zstd: stored = try Zstd.compress(raw[...], level: level)[...]
        }
        if stored.count >= raw.count {
            used = .none
            stored = raw[...]
        }
        let header = FrameHeader(
            kind: kind, codec: used, sequence: sequence, rawLength: raw.count, stored: stored)
        return SealedFrame(header: header, stored: stored, firstPath: firstPath)
    }
}

/// A frame as it was read, or what is wrong with it.
struct OpenedFrame: Sendable {
    let header: FrameHeader
    /// Where in the stream it begins.
    let offset: UInt64
    /// The decompressed bytes, or as much as there is of a damaged frame.
    let raw: ArraySlice<UInt8>
    /// What is wrong; nil where the frame is whole.
    let damage: String?
    /// In a snapshot's trailer: the SHA-256 of its stored frames, as read.
    let digest: [UInt8]

    /// Checks and decompresses. Never throws, so that damage is reported in its turn, with the paths it touched.
    static func open(_ header: FrameHeader, stored: ArraySlice<UInt8>, offset: UInt64, digest: [UInt8]) -> OpenedFrame {
        var damage: String?
        if CRC32C.checksum(stored) != header.storedCheck { damage = "its CRC32C does not agree" }
        var raw: ArraySlice<UInt8> = []
        do throws(CodecError) {
            switch header.codec {
            case .none: raw = stored
            case .zlib: raw = try Zlib.decompress(stored, limit: header.rawLength)[...]
            case .zstd: raw = try Zstd.decompress(stored, limit: header.rawLength)[...]
            }
            if raw.count != header.rawLength {
                damage = damage ?? "it decompresses to \(raw.count) bytes in place of \(header.rawLength)"
            }
        } catch {
            damage = damage ?? "it cannot be decompressed: \(error.message)"
        }
        return OpenedFrame(header: header, offset: offset, raw: raw, damage: damage, digest: digest)
    }
}

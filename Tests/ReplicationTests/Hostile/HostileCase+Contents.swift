import Codecs
import SnapshotModel

/// Lengths, attributes, extents and clones.
extension HostileCase {
    private static let farEnd = UInt64(Int64.max)

    static let lengths: [HostileCase] = [
        .steps("a write at the end of numbers", .byReader(.invalidInstruction), .write("d/f", at: .max, [1])),
        .steps(
            "a write that ends beyond the largest file", .byReader(.invalidInstruction), .write("d/f", at: farEnd, [1])),
        .steps("a cut to 2^63 bytes", .byReader(.invalidInstruction), .truncate("d/f", to: farEnd + 1)),
        .steps("a cut to the end of numbers", .byReader(.invalidInstruction), .truncate("d/f", to: .max)),
        .steps(
            "space whose end overflows", .byReader(.invalidInstruction),
            .allocate("d/f", mode: 0, at: 2, length: .max)),
        .steps(
            "a hole whose end overflows", .byReader(.invalidInstruction),
            .allocate("d/f", mode: 3, at: farEnd, length: farEnd)),
        .steps(
            "space set aside in an unknown way", .byReader(.invalidInstruction),
            .allocate("d/f", mode: 0x40, at: 0, length: 1)),
        .steps(
            "a hole that keeps no size", .byReader(.invalidInstruction), .allocate("d/f", mode: 2, at: 0, length: 1)),
        .steps(
            "an extent whose end overflows", .byReader(.invalidInstruction),
            .updateExtent("d/f", at: .max, length: .max)),
        .steps("an extent in place of contents", .byTarget(.unsupported), .updateExtent("d/f", at: 0, length: 4096)),
    ]

    static let attributes: [HostileCase] = [
        .steps("an attribute without a name", .byReader(.invalidInstruction), .attribute("d/f", [], [1])),
        .steps(
            "an attribute with a NUL", .byReader(.invalidInstruction), .attribute("d/f", Array("user.\0".utf8), [1])),
        .steps(
            "an attribute's name of 256 bytes", .byReader(.invalidInstruction), in: .btrfs,
            .attribute("d/f", [UInt8](repeating: 0x75, count: 256), [1])),
        .steps(
            "an attribute's name of 256 bytes", .byReader(.limitExceeded), in: .cowpath,
            .attribute("d/f", [UInt8](repeating: 0x75, count: 256), [1])),
        .steps(
            "an attribute's value beyond 64 KiB", .byReader(.limitExceeded), in: .cowpath,
            .attribute("d/f", Array("user.x".utf8), [UInt8](repeating: 1, count: 65_537))),
        .steps("a removal of an attribute without a name", .byReader(.invalidInstruction), .attribute("d/f", [], nil)),
        .steps("permissions of seventeen bits", .byReader(.invalidInstruction), .mode("d/f", 0o200_644)),
        .steps("permissions beyond 32 bits", .byReader(.invalidInstruction), in: .btrfs, .mode("d/f", 1 << 32)),
        .steps("permissions beyond 32 bits", .byReader(.limitExceeded), in: .cowpath, .mode("d/f", 1 << 32)),
        .steps("an owner beyond 32 bits", .byReader(.invalidInstruction), in: .btrfs, .owner("d/f", 1 << 32, 0)),
        .steps("an owner beyond 32 bits", .byReader(.limitExceeded), in: .cowpath, .owner("d/f", 1 << 32, 0)),
        .steps(
            "a second of 10^9 nanoseconds", .byReader(.invalidInstruction), in: .btrfs, .times("d/f", 0, 1_000_000_000)),
        .steps(
            "a second of 10^9 nanoseconds", .byReader(.limitExceeded), in: .cowpath, .times("d/f", 0, 1_000_000_000)),
        .steps("flags beyond 32 bits", .byReader(.invalidInstruction), in: .cowpath, .flags("d/f", 1 << 32)),
        .steps("a node that is a directory", .byReader(.invalidInstruction), .node("n", mode: 0o040_755, device: 0)),
        .steps("a node of no kind", .byReader(.invalidInstruction), .node("n", mode: 0o644, device: 0)),
        .steps("a node of two kinds", .byReader(.invalidInstruction), .node("n", mode: 0o150_644, device: 0)),
    ]

    static let extents: [HostileCase] = [
        .steps(
            "an encoded extent of nothing", .byReader(.invalidInstruction),
            .writeEncoded("d/f", at: 0, [], decoded: 4096, length: 4096)),
        .steps(
            "an encoded extent longer than any", .byReader(.invalidInstruction),
            .writeEncoded("d/f", at: 0, frame(4096), decoded: 1 << 32, length: 4096)),
        .steps(
            "an encoded extent that is skipped beyond its end", .byReader(.invalidInstruction),
            .writeEncoded("d/f", at: 0, frame(4096), decoded: 4096, skipping: .max, length: 2)),
        .steps(
            "an encoded extent with a range beyond it", .byReader(.invalidInstruction),
            .writeEncoded("d/f", at: 0, frame(4096), decoded: 4096, skipping: 4000, length: .max)),
        .steps(
            "an encoded extent at the end of numbers", .byReader(.invalidInstruction),
            .writeEncoded("d/f", at: .max - 100, frame(4096), decoded: 4096, length: 4096)),
        .steps(
            "an encoded extent in an unknown encoding", .byReader(.unsupported),
            .writeEncoded("d/f", at: 0, encoding: 99, frame(4096), decoded: 4096, length: 4096)),
    ]

    static let encodedExtents: [HostileCase] = [
        .steps(
            "an extent that is no lzo", .byTarget(.corrupt),
            .writeEncoded("d/f", at: 0, encoding: 3, frame(4096), decoded: 4096, length: 4096)),
        .steps(
            "a damaged extent", .byTarget(.corrupt),
            .writeEncoded("d/f", at: 0, [UInt8](repeating: 0x5A, count: 600), decoded: 8192, length: 8192),
            .file("behind")),
        .steps(
            "a cut extent", .byTarget(.corrupt),
            .writeEncoded("d/f", at: 0, Array(frame(8192).dropLast(3)), decoded: 8192, length: 8192)),
        .steps(
            "a bomb in an encoded extent", .byTarget(.corrupt),
            .writeEncoded("d/f", at: 0, frame(64 << 20), decoded: 131_072, length: 131_072), .file("behind")),
        .steps(
            "a bomb in a part of an encoded extent", .byTarget(.corrupt),
            .writeEncoded("d/f", at: 0, frame(64 << 20), decoded: 131_072, skipping: 1, length: 10)),
    ]

    static let clones: [HostileCase] = [
        .steps(
            "a clone from outside", .byReader(.invalidPath),
            .clone("d/f", at: 0, length: 8, from: .ownSnapshot, "../../outside/precious", at: 0)),
        .steps(
            "a clone through a symbolic link", .byTree(.invalidInstruction),
            .clone("d/f", at: 0, length: 8, from: .ownSnapshot, "out/precious", at: 0)),
        .steps(
            "a clone of a symbolic link", .byTarget(.invalidInstruction),
            .clone("d/f", at: 0, length: 8, from: .ownSnapshot, "out", at: 0)),
        .steps(
            "a clone of a directory", .byTree(.invalidInstruction),
            .clone("d/f", at: 0, length: 8, from: .ownSnapshot, "d", at: 0)),
        .steps(
            "a clone of nothing", .byTree(.invalidInstruction),
            .clone("d/f", at: 0, length: 8, from: .ownSnapshot, "nothing", at: 0)),
        .steps(
            "a clone from beyond the end", .byTarget(.invalidInstruction),
            .clone("empty", at: 0, length: 8192, from: .ownSnapshot, "d/f", at: 4096)),
        .steps(
            "a clone onto itself", .byTarget(.invalidInstruction),
            .clone("d/f", at: 100, length: 4096, from: .ownSnapshot, "d/f", at: 0)),
        .steps(
            "a clone whose end overflows", .byReader(.invalidInstruction),
            .clone("d/f", at: 1, length: .max, from: .ownSnapshot, "empty", at: 0)),
        .steps(
            "a clone from the end of numbers", .byReader(.invalidInstruction),
            .clone("d/f", at: 0, length: 8, from: .ownSnapshot, "empty", at: .max)),
        .steps(
            "a clone from a snapshot that is not here", .byTarget(.baseNotFound),
            .clone("d/f", at: 0, length: 8, from: .other(RawStream.reference(99)), "d/f", at: 0)),
        .steps(
            "a clone from the base of a stream that has none", .byReader(.corrupt), in: .cowpath,
            .clone("d/f", at: 0, length: 8, from: .base, "d/f", at: 0)),
        .changes(
            "a clone from beyond the end of the base", .byTarget(.invalidInstruction),
            .clone("empty", at: 0, length: 8192, from: .base, "d/f", at: 1)),
        .changes(
            "a clone through a symbolic link of the base", .byTarget(.invalidInstruction),
            .clone("empty", at: 0, length: 8, from: .base, "out/precious", at: 0)),
        .changes(
            "a clone of what the base never had", .byTarget(.invalidInstruction),
            .clone("empty", at: 0, length: 8, from: .base, "nothing", at: 0)),
    ]

    /// A zstd frame of zeros.
    private static func frame(_ count: Int) -> [UInt8] {
        (try? Zstd.compress([UInt8](repeating: 0, count: count)[...], level: 3)) ?? []
    }
}

import SnapshotModel
import SnapshotTesting

/// The commands of a btrfs stream, bases that are not there, and what is odd but no lie.
extension HostileCase {
    private static let good = RawStream(groundwork)

    private static func btrfs(
        _ name: String, _ code: SnapshotError.Code, _ bytes: @escaping @Sendable () -> [UInt8]
    ) -> HostileCase {
        .whole(name, .byReader(code), .btrfs, bytes)
    }

    /// A stream with one command more before its end.
    private static func command(_ name: String, _ code: SnapshotError.Code, _ command: [UInt8]) -> HostileCase {
        btrfs(name, code) {
            let commands = good.commands()
            return RawStream.btrfsHeader + (commands.dropLast() + [command] + commands.suffix(1)).joined()
        }
    }

    private static let path = Raw.attribute(15, Array("d/f".utf8))

    static let btrfsCommands: [HostileCase] = [
        btrfs("an unknown protocol", .unsupported) { Array("btrfs-stream".utf8) + [0, 9, 0, 0, 0] },
        btrfs("a command of a later protocol", .unsupported) {
            let commands = RawStream([.file("f"), .allocate("f", mode: 0, at: 0, length: 1)]).commands()
            return Array("btrfs-stream".utf8) + [0, 1, 0, 0, 0] + commands.joined()
        },
        btrfs("a step before its snapshot", .invalidInstruction) {
            RawStream.btrfsHeader + good.commands().dropFirst().joined()
        },
        btrfs("a snapshot whose name climbs out", .invalidName) {
            var stream = good
            stream.name = Array("../evil".utf8)
            return stream.bytes(.btrfs)
        },
        btrfs("a snapshot whose name is not text", .invalidName) {
            var stream = good
            stream.name = [0x65, 0xFF, 0xFE]
            return stream.bytes(.btrfs)
        },
        command("a command that does not exist", .unsupported, Frames.btrfsCommand(999, [])),
        command("a command longer than any", .limitExceeded, [0xFF, 0xFF, 0xFF, 0xFF, 3, 0, 0, 0, 0, 0]),
        command("a command with another checksum", .corrupt, [0, 0, 0, 0, 11, 0, 1, 2, 3, 4]),
        command("a command without its path", .corrupt, Frames.btrfsCommand(11, [])),
        command("an attribute that does not exist", .unsupported, Frames.btrfsCommand(11, Raw.attribute(99, [1]))),
        command("an attribute that comes twice", .corrupt, Frames.btrfsCommand(11, path + path)),
        command("an attribute longer than its command", .corrupt, Frames.btrfsCommand(11, [15, 0, 0xFF, 0xFF, 0x61])),
        command(
            "a number of the wrong width", .corrupt,
            Frames.btrfsCommand(17, path + Raw.attribute(4, 1, width: 4))),
        command(
            "a time of the wrong width", .corrupt,
            Frames.btrfsCommand(20, path + Raw.attribute(11, [1]) + Raw.attribute(10, [1]) + Raw.attribute(9, [1]))),
        command("a rename to nowhere", .corrupt, Frames.btrfsCommand(9, path)),
        command(
            "a clone from a UUID that is none", .corrupt,
            Frames.btrfsCommand(
                16,
                path + Raw.attribute(18, 0) + Raw.attribute(24, 1) + Raw.attribute(20, [1, 2])
                    + Raw.attribute(21, 1) + Raw.attribute(22, Array("d/f".utf8)) + Raw.attribute(23, 0))),
    ]

    static let bases: [HostileCase] = [
        HostileCase(
            name: "a base that is not here", refusal: .byTarget(.baseNotFound),
            encodings: RawStream.Encoding.allCases
        ) { encoding in
            var stream = RawStream([.mode("d", 0o700)])
            stream.base = RawStream.reference(77)
            return stream.bytes(encoding)
        },
        HostileCase(
            name: "a snapshot that is its own base", refusal: .byTarget(.baseNotFound),
            encodings: RawStream.Encoding.allCases
        ) { encoding in
            var stream = RawStream([.mode("d", 0o700)])
            stream.base = RawStream.snapshot
            return stream.bytes(encoding)
        },
    ]

    static let oddities: [HostileCase] = [
        .steps("times at both ends of all time", .optional, .times("d/f", .max, 999_999_999), .times("d", .min, 0)),
        .steps(
            "inodes with the largest number, the root's, none, and the same", .optional, .file("a", inode: .max),
            .file("b", inode: 256), .file("c", inode: 0), .file("e", inode: 257), .file("g", inode: .max - 1)),
        .steps("a rename onto itself", .optional, .rename("d", to: "d")),
        .steps("a rename onto another name", .optional, .rename("empty", to: "d/f")),
        .steps("a removal of an attribute that is not there", .optional, .attribute("d/f", Array("user.x".utf8), nil)),
        .steps("an attribute in a namespace that does not exist", .optional, .attribute("d/f", Array("x".utf8), [1])),
        .steps("an owner that means nobody", .optional, .owner("d/f", UInt64(UInt32.max), 0)),
        .steps(
            "writes and clones of nothing", .optional, .write("d/f", at: UInt64(Int64.max), []),
            .clone("empty", at: 5, length: 0, from: .ownSnapshot, "d/f", at: 0)),
        .steps("space of no length", .optional, .allocate("d/f", mode: 0, at: 0, length: 0)),
        .steps(
            "an encoded extent of no length", .optional,
            .writeEncoded("d/f", at: 0, encoding: 0, [1], decoded: 1, skipping: 1, length: 0)),
        .steps("a device number beyond 32 bits", .optional, .node("n", mode: 0o020_600, device: .max)),
        HostileCase(
            name: "a snapshot whose name writes to a terminal", refusal: .optional,
            encodings: [.btrfs]
        ) { encoding in
            var stream = good
            stream.name = Array("ev\u{1B}[2Jil".utf8)
            return stream.bytes(encoding)
        },
        .whole("a dataset that is a snapshot", .optional, .cowpath) {
            var stream = good
            stream.extra = #","dataset":"home@base""#
            return stream.bytes(.cowpath)
        },
        .whole("a dataset that holds something already", .optional, .cowpath) {
            var stream = good
            stream.extra = #","dataset":"home""#
            return stream.bytes(.cowpath)
        },
        .whole("a header that expects more than there is anywhere", .optional, .cowpath) {
            var stream = good
            let most = "\(UInt64.max)"
            stream.extra = #","expected":{"inodes":\#(most),"instructions":\#(most),"bytes":\#(most)}"#
            stream.extra += #","created":{"seconds":-9223372036854775808,"nanoseconds":0}"#
            return stream.bytes(.cowpath)
        },
    ]
}

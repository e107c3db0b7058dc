import SnapshotModel

/// The words of a dump.
enum DumpText {
    private static let escapes: [UInt8: String] = [
        0x07: "\\a", 0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0B: "\\v", 0x0C: "\\f", 0x0D: "\\r", 0x1B: "\\e",
        0x5C: "\\\\",
    ]

    /// Printable ASCII as it is; the rest as C escapes or `\ooo` in octal, non-ASCII too, as the stock tool has it.
    static func escape(_ bytes: ArraySlice<UInt8>, spaces: Bool) -> String {
        if bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5C }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        var text = ""
        for byte in bytes {
            if let escape = escapes[byte] {
                text += escape
            } else if byte == 0x20 {
                text += spaces ? "\\ " : " "
            } else if byte > 0x20, byte < 0x7F {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 8)
                text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        }
        return text
    }

    /// The text filled with spaces up to a column, and one at least.
    static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.utf8.count))
    }

    static func join(_ first: String, _ second: String) -> String {
        second.isEmpty ? first : first + " " + second
    }

    /// The identity of an inode; nothing where the stream has none with a generation.
    static func fields(_ inode: InodeIdentity) -> String {
        inode.generation == 0 ? "" : "ino=\(inode.number.rawValue) gen=\(inode.generation)"
    }

    static func fields(_ content: FileExtent.Content?) -> String {
        switch content {
        case nil: ""
        case .data(nil): "content=data"
        case .data(let identity?):
            "content=data address=\(identity.address) gen=\(identity.generation) extent_offset=\(identity.offset)"
        case .inline: "content=inline"
        case .preallocated: "content=preallocated"
        }
    }

    /// Whole seconds in UTC, as `%FT%T%z` of strftime(3) under `TZ=UTC`.
    static func time(_ time: Timestamp) -> String {
        Timestamp(seconds: time.seconds, nanoseconds: 0).description.dropLast() + "+0000"
    }
}

import Replication
import SnapshotModel

/// Names as text, byte by byte and in the plainest way.
enum NameText {
    static func print(_ name: VolumeName) -> [UInt8] {
        Array(name.qualified.utf8) + (name.path.isRoot ? [] : [0x2F] + name.path.bytes)
    }

    /// What stands before the mark.
    static func dataset(_ text: String) -> [UInt8] {
        Array(text.utf8.prefix { $0 != UInt8(ascii: "@") && $0 != UInt8(ascii: "#") })
    }

    /// What stands behind the first slash behind the mark.
    static func path(_ text: String) -> [UInt8] {
        let rest = text.utf8.dropFirst(dataset(text).count)
        return Array(rest.drop { $0 != 0x2F }.dropFirst())
    }

    /// Undoes the escapes of `EscapedBytes`; nil for what it never writes.
    static func unescaped(_ text: [UInt8]) -> [UInt8]? {
        let letters: [UInt8: UInt8] = [
            UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "t"): 9, UInt8(ascii: "n"): 10,
            UInt8(ascii: "v"): 11, UInt8(ascii: "f"): 12, UInt8(ascii: "r"): 13, UInt8(ascii: "e"): 27,
            UInt8(ascii: "\\"): UInt8(ascii: "\\"), UInt8(ascii: " "): UInt8(ascii: " "),
        ]
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard let next = rest.first else { return nil }
            if let meant = letters[next] {
                bytes.append(meant)
                rest = rest.dropFirst()
            } else {
                let digits = String(decoding: rest.prefix(3), as: UTF8.self)
                guard digits.utf8.count == 3, let value = UInt8(digits, radix: 8) else { return nil }
                bytes.append(value)
                rest = rest.dropFirst(3)
            }
        }
        return bytes
    }
}

/// Patterns of letters, `?` and single stars, matched by trying everything.
enum PlainPattern {
    /// Nil for anything else.
    static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool? {
        let isPlain = pattern.allSatisfy { isLetter($0) || $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }
        guard isPlain, !pattern.isEmpty, pattern.count <= 8, name.count <= 16, !name.contains(0x2F) else { return nil }
        return matches(pattern[...], name[...])
    }

    private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == UInt8(ascii: "*") {
            return (0...name.count).contains { matches(pattern.dropFirst(), name.dropFirst($0)) }
        }
        guard let byte = name.first, first == UInt8(ascii: "?") || first == byte else { return false }
        return matches(pattern.dropFirst(), name.dropFirst())
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
}

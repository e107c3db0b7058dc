/// Bytes made fit to be shown on one line of a terminal.
package enum EscapedBytes {
    /// Printable ASCII and well-formed UTF-8 as they are; a backslash doubled; control characters as C
    /// escapes or, like every byte that is not UTF-8, as `\ooo` in octal.
    ///
    /// - Parameter escapingSpace: whether a space becomes `\ `, so that the text stays one word.
    package static func describe(_ bytes: some Collection<UInt8>, escapingSpace: Bool = false) -> String {
        if bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        let bytes = [UInt8](bytes)
        var text = ""
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x80 {
                append(ascii: byte, to: &text, escapingSpace: escapingSpace)
                index += 1
            } else if let scalar = wellFormedScalar(bytes[index...]) {
                text.unicodeScalars.append(scalar)
                index += UTF8.width(scalar)
            } else {
                appendOctal(byte, to: &text)
                index += 1
            }
        }
        return text
    }

    /// The same, of long bytes only the beginning: enough to find a path by, and fit for a line.
    package static func excerpt(_ bytes: some Collection<UInt8>) -> String {
        bytes.count <= excerptLength ? describe(bytes) : describe(bytes.prefix(excerptLength)) + "…"
    }

    /// A name of the longest kind is shown whole.
    private static let excerptLength = FileName.maximumLength

    private static func append(ascii byte: UInt8, to text: inout String, escapingSpace: Bool) {
        switch byte {
        case UInt8(ascii: "\\"): text += "\\\\"
        case UInt8(ascii: " "): text += escapingSpace ? "\\ " : " "
        case 0x07: text += "\\a"
        case 0x08: text += "\\b"
        case 0x09: text += "\\t"
        case 0x0A: text += "\\n"
        case 0x0B: text += "\\v"
        case 0x0C: text += "\\f"
        case 0x0D: text += "\\r"
        case 0x1B: text += "\\e"
        case 0x21..<0x7F: text.unicodeScalars.append(Unicode.Scalar(byte))
        default: appendOctal(byte, to: &text)
        }
    }

    private static func appendOctal(_ byte: UInt8, to text: inout String) {
        let digits = String(byte, radix: 8)
        text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
    }

    /// The scalar at the start of `bytes`; nil where they are not UTF-8 or would not show (C1 controls).
    private static func wellFormedScalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
        var decoder = UTF8()
        var iterator = bytes.prefix(4).makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator), scalar.value >= 0xA0 else { return nil }
        return scalar
    }
}

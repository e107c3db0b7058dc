import SnapshotModel

/// A JSON object (RFC 8259) of texts and whole numbers, one level deep: all that a record needs.
struct FlatJSON: Equatable {
    enum Value: Equatable {
        case text(String)
        case number(UInt64)
    }

    private var values: [String: Value] = [:]

    init() {}

    subscript(_ key: String) -> Value? {
        get { values[key] }
        set { values[key] = newValue }
    }

    func text(_ key: String) -> String? {
        if case .text(let text) = values[key] { text } else { nil }
    }

    func number(_ key: String) -> UInt64? {
        if case .number(let number) = values[key] { number } else { nil }
    }

    /// The object, its keys in order, a line for each.
    var bytes: [UInt8] {
        let lines = values.sorted { $0.key < $1.key }.map { key, value in
            switch value {
            case .text(let text): "  \(FlatJSON.quoted(key)): \(FlatJSON.quoted(text))"
            case .number(let number): "  \(FlatJSON.quoted(key)): \(number)"
            }
        }
        return Array(("{\n" + lines.joined(separator: ",\n") + "\n}\n").utf8)
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// Reads an object.
    ///
    /// - Throws: ``SnapshotError/Code/corrupt`` where the bytes are not one, with the offset.
    init(parsing bytes: [UInt8]) throws(SnapshotError) {
        var parser = FlatJSONParser(bytes)
        values = try parser.parse()
    }
}

/// Reads a ``FlatJSON``, from front to back.
private struct FlatJSONParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func parse() throws(SnapshotError) -> [String: FlatJSON.Value] {
        var values: [String: FlatJSON.Value] = [:]
        try expect("{")
        if !skip("}") {
            repeat {
                let key = try text()
                try expect(":")
                guard values.updateValue(try value(), forKey: key) == nil else { throw damaged() }
            } while skip(",")
            try expect("}")
        }
        skipSpace()
        guard position == bytes.count else { throw damaged() }
        return values
    }

    private mutating func value() throws(SnapshotError) -> FlatJSON.Value {
        skipSpace()
        guard position < bytes.count else { throw damaged() }
        if bytes[position] == UInt8(ascii: "\"") { return .text(try text()) }
        let digits = bytes[position...].prefix { (0x30...0x39).contains($0) }
        guard let number = UInt64(String(decoding: digits, as: UTF8.self)) else { throw damaged() }
        position += digits.count
        return .number(number)
    }

    private mutating func text() throws(SnapshotError) -> String {
        try expect("\"")
        var content: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else { throw damaged() }
                return text
            case UInt8(ascii: "\\"):
                content.append(contentsOf: try escaped().utf8)
            case 0..<0x20:
                throw damaged()
            default:
                content.append(byte)
            }
        }
        throw damaged()
    }

    private mutating func escaped() throws(SnapshotError) -> String {
        guard position < bytes.count else { throw damaged() }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            return String(Unicode.Scalar(byte))
        case UInt8(ascii: "u"):
            let digits = String(decoding: bytes[position...].prefix(4), as: UTF8.self)
            guard digits.utf8.count == 4, let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value)
            else { throw damaged() }
            position += 4
            return String(scalar)
        default:
            throw damaged()
        }
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(SnapshotError) {
        guard skip(character) else { throw damaged() }
    }

    private func damaged() -> SnapshotError {
        SnapshotError(.corrupt, "this is no JSON object of texts and numbers", place: "offset \(position)")
    }
}

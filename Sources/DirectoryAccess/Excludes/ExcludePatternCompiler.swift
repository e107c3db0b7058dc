/// Reads the text of a pattern, without its `!` and the slashes at its ends, as fnmatch(3) and gitignore(5) do.
struct ExcludePatternCompiler {
    private let text: [UInt8]
    private var position = 0
    private var tokens: [ExcludePattern.Token] = []

    init(_ text: [UInt8]) {
        self.text = text
    }

    /// The tokens; nil where a bracket or an escape has no end, so that nothing can match.
    mutating func compile() -> [ExcludePattern.Token]? {
        while position < text.count {
            let byte = text[position]
            position += 1
            switch byte {
            case UInt8(ascii: "*"):
                compileStars()
            case UInt8(ascii: "?"):
                tokens.append(.set(anyButSlash()))
            case UInt8(ascii: "["):
                guard let set = compileBracket() else { return nil }
                tokens.append(.set(set))
            case UInt8(ascii: "\\"):
                guard let escaped = take() else { return nil }
                tokens.append(.byte(escaped))
            default:
                tokens.append(.byte(byte))
            }
        }
        return tokens
    }

    /// `**` between slashes or ends takes whole directories; any other run of stars is one.
    private mutating func compileStars() {
        let start = position - 1
        while position < text.count, text[position] == UInt8(ascii: "*") { position += 1 }
        let slash = UInt8(ascii: "/")
        let beginsName = start == 0 || text[start - 1] == slash
        if position - start >= 2, beginsName {
            if position == text.count {
                tokens.append(.everything)
                return
            }
            if text[position] == slash {
                position += 1
                tokens.append(contentsOf: [.optional, .directories])
                return
            }
        }
        tokens.append(.star)
    }

    private mutating func compileBracket() -> ByteSet? {
        var listed = ByteSet()
        let isNegated = text[position...].first == UInt8(ascii: "!") || text[position...].first == UInt8(ascii: "^")
        if isNegated { position += 1 }
        var isFirst = true
        while let byte = take() {
            if byte == UInt8(ascii: "]"), !isFirst { return finish(listed, isNegated: isNegated) }
            isFirst = false
            if byte == UInt8(ascii: "["), text[position...].first == UInt8(ascii: ":") {
                guard insertClass(into: &listed) else { return nil }
                continue
            }
            guard let low = byte == UInt8(ascii: "\\") ? take() : byte else { return nil }
            guard let high = rangeEnd(after: low) else { return nil }
            if low <= high { for value in low...high { listed.insert(value) } }
        }
        return nil
    }

    /// The last byte of the range that `low` begins; `low` itself where it begins none; nil where it has no end.
    private mutating func rangeEnd(after low: UInt8) -> UInt8? {
        guard text[position...].first == UInt8(ascii: "-"), position + 1 < text.count,
            text[position + 1] != UInt8(ascii: "]")
        else { return low }
        position += 1
        guard let byte = take() else { return nil }
        return byte == UInt8(ascii: "\\") ? take() : byte
    }

    private func finish(_ listed: ByteSet, isNegated: Bool) -> ByteSet {
        var set = ByteSet()
        for byte in UInt8.min ... .max where byte != UInt8(ascii: "/") && listed.contains(byte) != isNegated {
            set.insert(byte)
        }
        return set
    }

    /// A class such as `[:alpha:]`, of whose text `[` is behind; false where there is no such class.
    private mutating func insertClass(into listed: inout ByteSet) -> Bool {
        let rest = text[(position + 1)...]
        guard let end = rest.firstIndex(of: UInt8(ascii: "]")), end > rest.startIndex,
            text[end - 1] == UInt8(ascii: ":")
        else {
            listed.insert(UInt8(ascii: "["))
            return true
        }
        let name = String(decoding: rest[..<(end - 1)], as: UTF8.self)
        guard let contains = ExcludePatternCompiler.classes[name] else { return false }
        for byte in UInt8(0)..<0x80 where contains(byte) { listed.insert(byte) }
        position = end + 1
        return true
    }

    private func anyButSlash() -> ByteSet { finish(ByteSet(), isNegated: true) }

    private mutating func take() -> UInt8? {
        guard position < text.count else { return nil }
        defer { position += 1 }
        return text[position]
    }

    /// The classes of POSIX in its own locale.
    private static let classes: [String: @Sendable (UInt8) -> Bool] = [
        "alnum": { isLetter($0) || isDigit($0) },
        "alpha": { isLetter($0) },
        "blank": { $0 == 0x20 || $0 == 0x09 },
        "cntrl": { $0 < 0x20 || $0 == 0x7F },
        "digit": { isDigit($0) },
        "graph": { $0 > 0x20 && $0 < 0x7F },
        "lower": { isLetter($0) && $0 & 0x20 != 0 },
        "print": { $0 >= 0x20 && $0 < 0x7F },
        "punct": { $0 > 0x20 && $0 < 0x7F && !isLetter($0) && !isDigit($0) },
        "space": { $0 == 0x20 || (0x09...0x0D).contains($0) },
        "upper": { isLetter($0) && $0 & 0x20 == 0 },
        "xdigit": { isDigit($0) || (0x41...0x46).contains($0 & 0xDF) },
    ]

    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

/// One pattern of gitignore(5), compiled.
struct ExcludePattern: Sendable {
    /// What a position in a pattern takes.
    enum Token: Sendable {
        /// This byte.
        case byte(UInt8)
        /// One byte of these, which never have `/` among them.
        case set(ByteSet)
        /// Any number of bytes but `/`.
        case star
        /// Any number of bytes.
        case everything
        /// Nothing, or what ``directories`` takes, which always follows.
        case optional
        /// Any number of bytes, of which the last is `/`.
        case directories
    }

    /// `!`: brings back what earlier patterns excluded.
    let isNegated: Bool
    /// A trailing `/`.
    let onlyDirectories: Bool
    /// A `/` elsewhere: the pattern is about the path, not about the name alone.
    let matchesWholePath: Bool
    private let tokens: [Token]

    /// Compiles a line; nil for an empty one, a comment and one that can match nothing.
    init?(line: [UInt8]) {
        var line = ExcludePattern.withoutTrailingSpaces(line[...])
        if line.first == UInt8(ascii: "#") { return nil }
        isNegated = line.first == UInt8(ascii: "!")
        if isNegated { line = line.dropFirst() }
        onlyDirectories = line.last == UInt8(ascii: "/")
        if onlyDirectories { line = line.dropLast() }
        matchesWholePath = line.contains(UInt8(ascii: "/"))
        if line.first == UInt8(ascii: "/") { line = line.dropFirst() }
        var compiler = ExcludePatternCompiler([UInt8](line))
        guard !line.isEmpty, let tokens = compiler.compile() else { return nil }
        self.tokens = tokens
    }

    /// Spaces at the end are dropped, but one behind a backslash stays.
    private static func withoutTrailingSpaces(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var end = line.startIndex
        var index = line.startIndex
        while index < line.endIndex {
            if line[index] == UInt8(ascii: "\\"), index + 1 < line.endIndex {
                index += 2
                end = index
            } else {
                if line[index] != UInt8(ascii: " ") { end = index + 1 }
                index += 1
            }
        }
        return line[..<end]
    }

    /// Whether the pattern takes all of `subject`.
    ///
    /// Follows all ways through the tokens at once, so that no pattern, however many stars it has, costs more
    /// than its length times that of the subject.
    func matches(_ subject: ArraySlice<UInt8>) -> Bool {
        var active = [Bool](repeating: false, count: tokens.count + 1)
        activate(0, in: &active)
        for byte in subject {
            var next = [Bool](repeating: false, count: tokens.count + 1)
            var isAlive = false
            for (position, token) in tokens.enumerated() where active[position] {
                isAlive = true
                step(token, at: position, over: byte, into: &next)
            }
            guard isAlive else { return false }
            active = next
        }
        return active[tokens.count]
    }

    private func step(_ token: Token, at position: Int, over byte: UInt8, into next: inout [Bool]) {
        switch token {
        case .byte(let expected):
            if byte == expected { activate(position + 1, in: &next) }
        case .set(let set):
            if set.contains(byte) { activate(position + 1, in: &next) }
        case .star:
            if byte != UInt8(ascii: "/") { activate(position, in: &next) }
        case .everything:
            activate(position, in: &next)
        case .optional:
            break
        case .directories:
            activate(position, in: &next)
            if byte == UInt8(ascii: "/") { activate(position + 1, in: &next) }
        }
    }

    /// Enters a position, and those that can be reached from it without a byte.
    private func activate(_ position: Int, in active: inout [Bool]) {
        guard !active[position] else { return }
        active[position] = true
        guard position < tokens.count else { return }
        switch tokens[position] {
        case .star, .everything: activate(position + 1, in: &active)
        case .optional:
            activate(position + 1, in: &active)
            activate(position + 2, in: &active)
        case .byte, .set, .directories: break
        }
    }
}

/// A set of byte values.
struct ByteSet: Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    func contains(_ byte: UInt8) -> Bool {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: return words.0 & bit != 0
        case 1: return words.1 & bit != 0
        case 2: return words.2 & bit != 0
        default: return words.3 & bit != 0
        }
    }

    mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }
}

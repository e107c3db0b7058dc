/// Where a random tree takes its choices from: a generator, or bytes that a fuzzer mutates.
package struct Choices {
    private enum Source {
        case generator(SplitMix64)
        case bytes(ArraySlice<UInt8>)
    }

    private var source: Source

    package init(seed: UInt64) {
        source = .generator(SplitMix64(seed: seed))
    }

    /// A choice among up to 256 takes one byte, so that a change of a byte changes one choice and those that
    /// follow from it. Behind the last byte every choice is the last of those possible.
    package init(bytes: ArraySlice<UInt8>) {
        source = .bytes(bytes)
    }

    /// Whether all bytes are used up; a generator never is.
    package var isExhausted: Bool {
        if case .bytes(let rest) = source { rest.isEmpty } else { false }
    }

    /// A number below `bound`, which must not be 0.
    package mutating func below(_ bound: Int) -> Int {
        switch source {
        case .generator(var generator):
            defer { source = .generator(generator) }
            return generator.below(bound)
        case .bytes(var rest):
            defer { source = .bytes(rest) }
            guard !rest.isEmpty else { return bound - 1 }
            var value = 0
            var choices = 1
            while choices < bound, let byte = rest.popFirst() {
                value = value << 8 | Int(byte)
                choices <<= 8
            }
            return value % bound
        }
    }

    /// True once in `count` times.
    package mutating func onceIn(_ count: Int) -> Bool {
        below(count) == 0
    }
}

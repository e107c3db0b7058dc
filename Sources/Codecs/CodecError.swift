/// Bytes that cannot be compressed or decompressed.
package struct CodecError: Error, Sendable {
    /// What is wrong.
    package let message: String

    /// Whether the bytes may be right, but in a form that is not known here.
    package let isUnsupported: Bool

    package init(_ message: String, isUnsupported: Bool = false) {
        self.message = message
        self.isUnsupported = isUnsupported
    }
}

extension CodecError: CustomStringConvertible {
    package var description: String { message }
}

/// Bytes that cannot be compressed or decompressed.
package struct CodecError: Error, Sendable {
    /// What is wrong.
    package let message: String

    package init(_ message: String) {
        self.message = message
    }
}

extension CodecError: CustomStringConvertible {
    package var description: String { message }
}

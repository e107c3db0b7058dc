/// A name in a directory: 1 to 255 bytes without `/` and NUL, and neither `.` nor `..`.
///
/// Names are bytes, in no encoding; they become text only to be shown (``EscapedBytes``).
package struct FileName: Hashable, Sendable {
    /// The longest name in bytes (`NAME_MAX`, Linux `limits.h`).
    package static let maximumLength = 255

    /// The bytes of the name.
    package let bytes: [UInt8]

    /// Checks the bytes and makes a name of them.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidName``.
    package init(validating bytes: some Collection<UInt8>) throws(SnapshotError) {
        try self.init(validating: [UInt8](bytes))
    }

    /// Checks bytes and keeps them.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidName``.
    package init(validating bytes: [UInt8]) throws(SnapshotError) {
        guard FileName.isValid(bytes[...]) else {
            throw SnapshotError(
                .invalidName, FileName.fault(bytes[...]), place: "'\(EscapedBytes.excerpt(bytes))'",
                remedy: "use a name of 1 to 255 bytes without '/' and NUL")
        }
        self.bytes = bytes
    }

    /// Makes a name of bytes that a kernel or a checked path gave and that need no check.
    package init(trusted bytes: [UInt8]) {
        self.bytes = bytes
    }

    static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard !bytes.isEmpty, bytes.count <= maximumLength else { return false }
        if bytes.count <= 2, bytes.allSatisfy({ $0 == dot }) { return false }
        return !bytes.contains { $0 == 0 || $0 == slash }
    }

    /// What keeps bytes from being a name.
    static func fault(_ bytes: ArraySlice<UInt8>) -> String {
        if bytes.isEmpty { return "a name is empty" }
        if bytes.count > maximumLength { return "a name of \(bytes.count) bytes is longer than \(maximumLength)" }
        if bytes.contains(0) { return "a name has a NUL in it" }
        if bytes.contains(slash) { return "a name has a '/' in it" }
        return "it is '.' or '..'"
    }

    static let dot = UInt8(ascii: ".")
    static let slash = UInt8(ascii: "/")
}

extension FileName: Comparable {
    /// Byte order, in which directories are listed everywhere.
    package static func < (left: FileName, right: FileName) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension FileName: CustomStringConvertible {
    package var description: String { EscapedBytes.describe(bytes) }
}

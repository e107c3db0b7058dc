/// Something that is wrong with a volume.
package struct CheckFinding: Hashable, Sendable {
    package enum Kind: String, Sendable {
        /// A count is not what the references add up to.
        case count
        /// Something is referred to and not there.
        case missing
        /// Something is there and nothing refers to it.
        case leaked
        /// Bytes are not what they were when they were written.
        case damaged
    }

    package let kind: Kind
    package let message: String
    /// A node, an extent, a segment or a dataset.
    package let place: String
}

/// What a check went through.
package struct CheckSummary: Hashable, Sendable {
    package var nodes: UInt64 = 0
    package var extents: UInt64 = 0
    package var segments: UInt64 = 0
    /// Stored bytes of extents.
    package var storedBytes: UInt64 = 0
    package var findings: UInt64 = 0
}

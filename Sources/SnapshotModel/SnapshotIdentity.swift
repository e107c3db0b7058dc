/// By what a snapshot is known: where it is now, and where it came from.
package struct SnapshotIdentity: Hashable, Sendable {
    /// The last part of the snapshot's name, as it names the received one by default.
    package var name: String
    /// The snapshot's own UUID.
    package var uuid: SnapshotUUID
    /// The generation at which it was taken.
    package var generation: UInt64
    /// The UUID it was sent with, where it was received.
    package var receivedUUID: SnapshotUUID?
    /// The generation it was sent with, where it was received.
    package var receivedGeneration: UInt64?
    /// When it was taken, or received.
    package var created: Timestamp
    /// What it was made from, where its store tells by UUID and generation: itself first, with the generation in
    /// which it last changed; then what it is a snapshot of, and that of which, each with the generation up to which
    /// both have one history.
    package var lineage: [SnapshotReference] = []

    package init(
        name: String, uuid: SnapshotUUID, generation: UInt64, receivedUUID: SnapshotUUID? = nil,
        receivedGeneration: UInt64? = nil, created: Timestamp = .epoch
    ) {
        self.name = name
        self.uuid = uuid
        self.generation = generation
        self.receivedUUID = receivedUUID
        self.receivedGeneration = receivedGeneration
        self.created = created
    }

    /// The UUID and generation under which a stream speaks of this snapshot, so that a stream can come back
    /// the way it went.
    package var reference: SnapshotReference {
        SnapshotReference(uuid: receivedUUID ?? uuid, generation: receivedGeneration ?? generation)
    }

    /// Whether a stream that names `uuid` means this snapshot.
    package func answers(to uuid: SnapshotUUID) -> Bool {
        self.uuid == uuid || receivedUUID == uuid
    }

    /// The generation up to which this snapshot and another of the same store have one history by their
    /// ``lineage``: the last in which both were still one tree. 0 where they never were, or nothing tells.
    package func generationShared(with other: SnapshotIdentity) -> UInt64 {
        var shared: UInt64 = 0
        for step in lineage {
            for otherStep in other.lineage where otherStep.uuid == step.uuid {
                shared = max(shared, min(step.generation, otherStep.generation))
            }
        }
        return shared
    }
}

/// How a stream names a snapshot.
package struct SnapshotReference: Hashable, Sendable {
    package let uuid: SnapshotUUID
    package let generation: UInt64

    package init(uuid: SnapshotUUID, generation: UInt64) {
        self.uuid = uuid
        self.generation = generation
    }
}

/// What there is in a tree, or in a stream, in numbers.
package struct SnapshotTotals: Hashable, Sendable {
    package var inodes: UInt64
    package var instructions: UInt64
    /// Bytes of file contents.
    package var bytes: UInt64

    package init(inodes: UInt64 = 0, instructions: UInt64 = 0, bytes: UInt64 = 0) {
        self.inodes = inodes
        self.instructions = instructions
        self.bytes = bytes
    }
}

/// What precedes the instructions of one snapshot.
package struct SnapshotHeader: Hashable, Sendable {
    /// What the instructions start from.
    package enum Base: Hashable, Sendable {
        /// An empty tree.
        case none
        /// A snapshot that the receiver has too.
        case parent(SnapshotReference)
        /// The same for the receiver; the sender had only a bookmark of it.
        case bookmark(SnapshotReference)

        /// The snapshot that the receiver must have; nil for a full stream.
        package var reference: SnapshotReference? {
            switch self {
            case .none: nil
            case .parent(let reference), .bookmark(let reference): reference
            }
        }
    }

    /// The name that the received snapshot gets by default: one path component.
    package var name: String
    /// The dataset that the snapshot is of, where the sender has such a name.
    package var dataset: String?
    package var snapshot: SnapshotReference
    package var created: Timestamp
    package var base: Base
    /// The snapshots, other than the base, from which CLONE may take data.
    package var cloneSources: [SnapshotReference]
    /// Whether this is a bookmark: UPDATE_EXTENT stands in place of contents and carries identities.
    package var isBookmark: Bool
    /// Whether contents were left out, as `--no-data` asks.
    package var withoutData: Bool
    /// The store of the sender, in which the numbers of inodes and, in a bookmark, of extents mean something.
    package var domain: SnapshotUUID?
    /// Of a bookmark: what the snapshot was made from (``SnapshotIdentity/lineage``).
    package var lineage: [SnapshotReference] = []
    /// What the sender expects to send; nil where it does not know.
    package var expected: SnapshotTotals?

    package init(
        name: String, dataset: String? = nil, snapshot: SnapshotReference, created: Timestamp = .epoch,
        base: Base = .none, cloneSources: [SnapshotReference] = [], isBookmark: Bool = false, withoutData: Bool = false,
        domain: SnapshotUUID? = nil, expected: SnapshotTotals? = nil
    ) {
        self.name = name
        self.dataset = dataset
        self.snapshot = snapshot
        self.created = created
        self.base = base
        self.cloneSources = cloneSources
        self.isBookmark = isBookmark
        self.withoutData = withoutData
        self.domain = domain
        self.expected = expected
    }

    /// Refuses a bookmark, and a stream whose contents were left out: what they make would look like the snapshot
    /// and not be it.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/unsupported``.
    package func requireData() throws(SnapshotError) {
        if isBookmark {
            throw SnapshotError(
                .unsupported, "a bookmark has no contents and cannot be received",
                place: EscapedBytes.describe(name.utf8),
                remedy: "keep it as a file, and name that as the base of a send (-p)")
        }
        if withoutData { throw SnapshotHeader.lacksData(EscapedBytes.describe(name.utf8)) }
    }

    /// The same for a stream that does not say so in advance.
    package static func lacksData(_ place: String) -> SnapshotError {
        SnapshotError(
            .unsupported, "the stream was sent without contents and cannot be received", place: place,
            remedy: "look into it with 'cowpath dump', and send again without --no-data")
    }
}

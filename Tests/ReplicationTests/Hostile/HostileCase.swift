import SnapshotModel
import SnapshotTesting

/// A stream that must do no harm, and who has to refuse it.
struct HostileCase: Sendable {
    enum Refusal: Sendable {
        /// Whoever reads the stream, with this code.
        case byReader(SnapshotError.Code)
        /// Whoever keeps a tree of it; one who only looks at the steps may take it.
        case byTree(SnapshotError.Code)
        /// Whoever receives a snapshot; a stored stream may be looked into.
        case byTarget(SnapshotError.Code)
        /// Nobody has to, as long as nothing comes of it but a snapshot that can be read and removed.
        case optional
    }

    let name: String
    let refusal: Refusal
    /// Whether it starts from what the targets hold.
    var isIncremental = false
    /// Whether what is wrong comes behind a snapshot that is whole, and stays.
    var leavesSnapshot = false
    let encodings: [RawStream.Encoding]
    let bytes: @Sendable (RawStream.Encoding) -> [UInt8]

    /// What a full stream makes before it becomes hostile, and what the base of an incremental one holds: a
    /// directory, a file of two blocks, an empty file, and a link that leads out of the target.
    static let groundwork: [RawStep] = [
        .directory("d", inode: 257), .file("d/f", inode: 258),
        .write("d/f", at: 0, [UInt8](repeating: 0x41, count: 8192)),
        .file("empty", inode: 259), .link("out", symbolicTo: Array("../../outside".utf8)),
        .mode("d", 0o755), .mode("d/f", 0o644), .times("d/f", 1_700_000_000, 7),
    ]

    /// Full streams with these steps behind the ``groundwork``.
    static func steps(_ name: String, _ refusal: Refusal, _ steps: RawStep...) -> HostileCase {
        full(name, refusal, RawStream.Encoding.allCases, steps)
    }

    /// The same in one encoding, where the other cannot say it or is refused in another way.
    static func steps(
        _ name: String, _ refusal: Refusal, in encoding: RawStream.Encoding, _ steps: RawStep...
    ) -> HostileCase {
        full(name, refusal, [encoding], steps)
    }

    private static func full(
        _ name: String, _ refusal: Refusal, _ encodings: [RawStream.Encoding], _ steps: [RawStep]
    ) -> HostileCase {
        HostileCase(name: name, refusal: refusal, encodings: encodings) {
            RawStream(groundwork + steps).bytes($0)
        }
    }

    /// Incremental streams with these steps onto the base.
    static func changes(_ name: String, _ refusal: Refusal, _ steps: RawStep...) -> HostileCase {
        HostileCase(name: name, refusal: refusal, isIncremental: true, encodings: RawStream.Encoding.allCases) {
            var stream = RawStream(steps)
            stream.base = RawStream.base
            return stream.bytes($0)
        }
    }

    /// A stream of one encoding, made as a whole.
    static func whole(
        _ name: String, _ refusal: Refusal, _ encoding: RawStream.Encoding, leavesSnapshot: Bool = false,
        _ bytes: @escaping @Sendable () -> [UInt8]
    ) -> HostileCase {
        HostileCase(name: name, refusal: refusal, leavesSnapshot: leavesSnapshot, encodings: [encoding]) { _ in bytes()
        }
    }

    static var all: [HostileCase] {
        paths + links + misfits + lengths + attributes + extents + clones + encodedExtents
            + cowpathFrames + cowpathHeaders + cowpathBodies + btrfsCommands + bases + oddities
    }
}

extension RawStream {
    /// A stream that is in order, with the ``HostileCase/groundwork``.
    static func good(_ name: String, _ snapshot: SnapshotReference = RawStream.reference(3)) -> RawStream {
        // Everything gets its attributes, so that every target holds the same.
        var steps = HostileCase.groundwork + [.mode("", 0o755), .mode("empty", 0o644)]
        for path in ["empty", "out", "d", ""] { steps.append(.times(path, 1_700_000_001, 0)) }
        var stream = RawStream(steps)
        stream.name = Array(name.utf8)
        stream.snapshot = snapshot
        return stream
    }
}

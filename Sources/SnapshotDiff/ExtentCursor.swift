import SnapshotModel

/// The extents of a file one after another, read in batches, so that two files can be gone through together.
struct ExtentCursor {
    /// 256 extents of some 48 bytes: 12 KiB for each file in hand.
    private static let longestBatch = 256

    private let tree: any SnapshotTree
    private let number: InodeNumber
    private let batchLength: Int
    private var extents: ArraySlice<FileExtent> = []
    private var next: UInt64 = 0
    private var isAtEnd = false

    init(_ tree: any SnapshotTree, _ number: InodeNumber, batchLength: Int = longestBatch) {
        (self.tree, self.number, self.batchLength) = (tree, number, batchLength)
    }

    /// The first extent that ends behind `position`; positions must not go backwards.
    mutating func extent(at position: UInt64) throws -> FileExtent? {
        while true {
            while let first = extents.first {
                if first.end > position { return first }
                extents.removeFirst()
            }
            if isAtEnd { return nil }
            next = max(next, position)
            try fill()
        }
    }

    private mutating func fill() throws {
        var batch: [FileExtent] = []
        var end = next
        do {
            try tree.forEachExtent(of: number, from: next) { extent in
                try extent.check(in: tree)
                guard extent.end > end else { return }
                batch.append(extent)
                end = extent.end
                if batch.count == batchLength { throw BatchIsFull() }
            }
            isAtEnd = true
        } catch {
            // The tree may have wrapped the error in one of its own.
            guard batch.count == batchLength else { throw error }
        }
        next = end
        extents = batch[...]
    }

    private struct BatchIsFull: Error {}
}

extension SnapshotTree {
    /// What a file has from an offset on of the extent that lies there; nil for a hole.
    func extent(of number: InodeNumber, at offset: UInt64) throws -> FileExtent? {
        var cursor = ExtentCursor(self, number, batchLength: 1)
        guard let found = try cursor.extent(at: offset), found.offset <= offset else { return nil }
        return found.part(from: offset, to: found.end)
    }
}

extension FileExtent {
    /// Refuses an extent that no file can have.
    func check(in tree: any SnapshotTree) throws {
        let (_, overflows) = max(offset, identity?.offset ?? 0).addingReportingOverflow(length)
        guard !overflows, length > 0 else {
            throw SnapshotError(
                .corrupt, "an extent has offset \(offset) and length \(length)", place: tree.identity.name)
        }
    }

    /// The part of the extent from `start` to `end`, which lie within it.
    func part(from start: UInt64, to end: UInt64) -> FileExtent {
        var content = content
        if case .data(let identity?) = content { content = .data(identity.advanced(by: start - offset)) }
        return FileExtent(offset: start, length: end - start, content: content)
    }

    /// The identity of the bytes, where the store has one.
    var identity: ExtentIdentity? {
        if case .data(let identity) = content { return identity }
        return nil
    }
}

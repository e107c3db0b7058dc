import SnapshotModel
import Workers

/// Heads of inodes that threads read before they are asked for: of those that change here and there, each alone.
struct HeadsAhead {
    /// Inodes that one thread reads in one go.
    private static let atOnce = 64

    private struct Batch {
        let numbers: [UInt64]
        let heads: PendingResult<[ItemRun?]>
    }

    /// In the order of numbers.
    private var batches: [Batch] = []

    /// Begins to read, for each of some inodes in order, its items up to a type; past what was begun before.
    mutating func begin(_ numbers: [UInt64], through type: UInt8, of search: any ItemSource) {
        batches = []
        var rest = numbers[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(HeadsAhead.atOnce))
            rest = rest.dropFirst(HeadsAhead.atOnce)
            let heads = WorkerPool.shared.start {
                var run = ItemRun(size: 2 * search.nodeSize)
                return batch.map { number in
                    let head = try? run.head(of: number, through: type, search)
                    return head.flatMap { $0.size <= ItemCache.maximumHeadLength ? $0 : nil }
                }
            }
            batches.append(Batch(numbers: batch, heads: heads))
        }
    }

    /// What was read of an inode, with all that was read in the same go; nothing where it was none of those to come.
    mutating func take(_ number: UInt64) -> [(number: UInt64, head: ItemRun)] {
        guard let index = batches.firstIndex(where: { number <= $0.numbers[$0.numbers.count - 1] }),
            batches[index].numbers.contains(number)
        else { return [] }
        let batch = batches.remove(at: index)
        // What failed there is read again by itself, and fails again or not.
        let heads = (try? batch.heads.value()) ?? []
        return zip(batch.numbers, heads).compactMap { number, head in head.map { (number, $0) } }
    }
}

extension ItemRun {
    /// The items of one inode up to a type, in a run of their own; nil where they are more than have room here.
    mutating func head(
        of number: UInt64, through type: UInt8, _ search: any ItemSource
    ) throws(SnapshotError) -> ItemRun? {
        let range = SearchRange(first: ItemKey(number, 0), last: ItemKey(number, type, .max))
        try fill(search, range)
        return last == range.last ? trimmed() : nil
    }
}

import SnapshotModel
import Workers

/// An inode of two trees.
struct CommonInode: Sendable {
    let number: UInt64
    /// Whether it is a directory.
    var isDirectory = false
    /// Whether it is a directory of which it is worth while not to read the entries along with its neighbours.
    var isLarge = false

    /// The size of such a directory, which is twice the lengths of all names: some twenty entries.
    static let largeSize: UInt64 = 512
}

/// What is asked about inodes of two trees, and answered on any thread.
protocol InodeComparison: Sendable {
    associatedtype Answer: Sendable

    /// How many batches are in work or answered at once.
    static var window: Int { get }

    /// The first inodes, at least one, that are looked at in one go.
    func batch(of inodes: ArraySlice<CommonInode>) -> ArraySlice<CommonInode>

    /// An answer for each; nil where it takes a closer look. What is not answered counts as nil.
    func answers(for inodes: ArraySlice<CommonInode>) -> [Answer?]
}

/// What threads find out about inodes before it is asked for, in the order of their numbers.
struct AnswersAhead<Comparison: InodeComparison> {
    private struct Batch {
        let inodes: ArraySlice<CommonInode>
        let answers: PendingResult<[Comparison.Answer?]>
    }

    private let comparison: Comparison
    private var waiting: ArraySlice<CommonInode>
    private var batches: [Batch] = []
    /// The batch that is asked about.
    private var current: (inodes: ArraySlice<CommonInode>, answers: [Comparison.Answer?]) = ([], [])

    /// - Parameter inodes: in the order of their numbers.
    init(_ inodes: [CommonInode], _ comparison: Comparison) {
        self.comparison = comparison
        waiting = inodes[...]
        fill()
    }

    /// The answer for one inode; nil where there is none. Who asks goes from lower numbers to higher ones.
    mutating func take(_ number: UInt64) -> Comparison.Answer? {
        while current.inodes.last.map({ $0.number < number }) ?? true {
            guard let batch = batches.first, let first = batch.inodes.first, first.number <= number else { return nil }
            batches.removeFirst()
            // Without an answer it is looked at closely, and fails again or not.
            current = (batch.inodes, (try? batch.answers.value()) ?? [])
            fill()
        }
        let place = current.inodes.firstIndex(behind: { $0.number < number })
        let index = place - current.inodes.startIndex
        guard place < current.inodes.endIndex, current.inodes[place].number == number, index < current.answers.count
        else { return nil }
        return current.answers[index]
    }

    private mutating func fill() {
        while batches.count < Comparison.window, !waiting.isEmpty {
            let (comparison, inodes) = (comparison, comparison.batch(of: waiting))
            waiting = waiting.dropFirst(inodes.count)
            batches.append(
                Batch(inodes: inodes, answers: WorkerPool.shared.start { comparison.answers(for: inodes) }))
        }
    }
}

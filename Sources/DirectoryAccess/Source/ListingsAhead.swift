import SystemCalls
import Workers

/// Reads the directories that a walk will come to next, on other threads.
///
/// A walk in the order of listings, depth first, finds them ready; any other finds none and loses little.
struct ListingsAhead {
    /// A directory that was opened and listed.
    struct Listed: Sendable {
        let descriptor: SharedDescriptor
        let status: FileStatus
        let listing: DirectoryListing
        let time = ContinuousClock.now

        /// Whether it is as good as one that is read now. What is walked in between can take hours.
        var isFresh: Bool { ContinuousClock.now - time < .seconds(1) }
    }

    private typealias Batch = PendingResult<[Result<Listed, SystemCallError>]>

    private struct Expected {
        let number: UInt64
        let place: Place
        /// Where it is read, and which of the results there is its own.
        var batch: (result: Batch, index: Int)?
    }

    /// How many are read in one piece of work: to hand one over takes as long as to read it.
    private static let batchSize = 8
    /// How many of the next directories are read.
    private static let reach = 16
    /// How many may be read and not yet taken, at some levels of a walk together.
    private static let maximumStarted = 48

    /// The next one last.
    private var expected: [Expected] = []
    private var started = 0

    /// What a directory holds, where it is the one that was expected and somebody has begun with it.
    mutating func take(_ number: UInt64) -> Result<Listed, SystemCallError>? {
        guard let next = expected.popLast() else { return nil }
        if next.batch != nil { started -= 1 }
        guard next.number == number else {
            // Another walk than expected.
            for expected in expected + [next] { expected.batch?.result.cancel() }
            expected.removeAll()
            started = 0
            return nil
        }
        return next.batch.flatMap { batch in (try? batch.result.value()).map { $0[batch.index] } }
    }

    /// Says what comes next, in order, and begins to read it.
    ///
    /// - Parameter open: opens a directory that is listed already.
    mutating func expect(
        _ places: [(number: UInt64, place: Place)], open: (UInt64) -> SharedDescriptor?
    ) {
        expected.append(contentsOf: places.reversed().map { Expected(number: $0.number, place: $0.place) })
        var batch: [(index: Int, parent: SharedDescriptor)] = []
        for index in expected.indices.suffix(ListingsAhead.reach).reversed()
        where expected[index].batch == nil && started + batch.count < ListingsAhead.maximumStarted {
            guard let parent = open(expected[index].place.directory) else { continue }
            batch.append((index, parent))
            if batch.count == ListingsAhead.batchSize { start(&batch) }
        }
        // One alone is read as fast by whoever needs it.
        if batch.count > 1 { start(&batch) }
    }

    private mutating func start(_ batch: inout [(index: Int, parent: SharedDescriptor)]) {
        let work = batch.map { (name: expected[$0.index].place.name, parent: $0.parent) }
        let result = WorkerPool.shared.start { work.map { ListingsAhead.read($0.name, in: $0.parent) } }
        for (position, item) in batch.enumerated() { expected[item.index].batch = (result, position) }
        started += batch.count
        batch.removeAll()
    }

    private static func read(_ name: [UInt8], in parent: SharedDescriptor) -> Result<Listed, SystemCallError> {
        Result { () throws(SystemCallError) in
            let directory = try parent.descriptor.openDirectory(beneath: name, flags: OpenFlags.readDirectory)
            let status = try directory.status()
            let listing = try DirectoryListing(reading: directory)
            return Listed(descriptor: SharedDescriptor(directory), status: status, listing: listing)
        }
    }
}

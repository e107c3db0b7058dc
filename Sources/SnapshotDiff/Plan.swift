import SnapshotModel

/// The work of one plan, and what it has to remember.
final class Plan {
    let source: any SnapshotTree
    let comparison: TreeComparison?
    let options: PlannerOptions
    let header: SnapshotHeader
    let sink: InstructionSink
    let cloneIndex: CloneIndex
    /// What counts as the root of the source.
    let root: InodeNumber
    var losses = ReplayLosses()
    /// The first paths of new inodes with several names.
    var firstPaths: [InodeNumber: RelativePath] = [:]
    /// New directories that were made; only beside a base.
    var made: Set<InodeNumber> = []
    var moves = MoveState()

    init(
        source: any SnapshotTree, comparison: TreeComparison?, cloneSources: [any SnapshotTree],
        options: PlannerOptions, header: SnapshotHeader, sink: InstructionSink
    ) {
        (self.source, self.comparison, self.options) = (source, comparison, options)
        (self.header, self.sink) = (header, sink)
        root = comparison == nil ? options.root ?? source.root : source.root
        cloneIndex = CloneIndex(
            source: source, base: comparison?.base, baseReference: header.base.reference, cloneSources: cloneSources)
    }

    func perform() throws {
        if comparison == nil { try sendWhole() } else { try sendChanges() }
        try emitLateFlags()
    }

    /// The inode of the base that is the same as one of the source.
    func match(_ number: InodeNumber) throws -> InodeNumber? {
        try comparison?.correspondence.base(of: number)
    }

    func emit(_ instruction: Instruction) throws { try sink.apply(instruction) }

    /// The path of a name, or an error where no stream could carry it.
    func path(_ name: FileName, in directory: RelativePath) throws -> RelativePath {
        let path = directory.appending(name)
        guard path.bytes.count <= RelativePath.maximumLength else {
            throw SnapshotError(
                .limitExceeded, "a path of \(path.bytes.count) bytes is longer than \(RelativePath.maximumLength)",
                place: EscapedBytes.describe(path.bytes.prefix(64)) + "…", remedy: "move it nearer to the root")
        }
        return path
    }

    /// Reads from the source; nil, and a loss, where this one file cannot be read.
    ///
    /// - Parameter path: of the file, where it is known yet.
    func reading<Result>(_ path: RelativePath? = nil, _ body: () throws -> Result) throws -> Result? {
        do {
            return try body()
        } catch let error as SnapshotError where error.isLossOfSource {
            losses.add(.unreadable, path?.description ?? error.place ?? source.identity.name)
            return nil
        }
    }

    /// The times as the target can take them.
    func emitTimes(_ times: FileTimes, at path: RelativePath) throws {
        var times = times
        if !sink.accepts.contains(.birthTimes) { times.born = nil }
        try emit(.setTimes(path, times))
    }
}

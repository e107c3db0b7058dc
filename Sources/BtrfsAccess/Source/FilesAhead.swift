import SnapshotModel
import SystemCalls
import Workers

/// Reads small files on other threads, in the order in which they will be asked for.
///
/// Begins when one of them is asked for, and gives up until a walk begins anew where too little is: what is shared with
/// other files is not read at all.
final class FilesAhead {
    /// Some files are read by one piece of work, which costs as much to hand over as to read one.
    private static let filesInBatch = 8
    /// Batches in work, of ``filesInBatch`` files of at most ``FileContents/pieceLength`` each; most are far smaller,
    /// and one that is not ends its batch.
    private static let batches = 4
    /// How far behind the first that may come a file is looked for.
    private static let reach = 64

    private typealias Batch = (numbers: [InodeNumber], contents: PendingResult<[[UInt8]?]>)

    private let opener: FileOpener
    /// Files to come that were not given to a thread.
    private var files: ArraySlice<InodeNumber> = []
    private var pending: [Batch] = []
    private var current: [InodeNumber: [UInt8]] = [:]
    private var used = 0
    /// Whether too little of what was read was asked for.
    private(set) var hasGivenUp = false

    init(opener: FileOpener) {
        self.opener = opener
    }

    /// Says in what order files will be asked for, and that nothing else will.
    func begin(_ files: ArraySlice<InodeNumber> = []) {
        self.files = files
        pending = []
        current = [:]
        used = 0
        hasGivenUp = false
    }

    /// Says that a file will not be asked for any more.
    func leave(_ number: InodeNumber) {
        if files.first == number { files.removeFirst() }
    }

    /// Whether one of some files is among the next that come.
    func expects(_ numbers: some Sequence<InodeNumber>) -> Bool {
        numbers.contains { number in
            current[number] != nil || pending.contains { $0.numbers.contains(number) }
                || files.prefix(FilesAhead.reach).contains(number)
        }
    }

    /// Says which files come behind those.
    func append(_ entries: some Sequence<DirectoryEntry>) {
        files += entries.lazy.filter { $0.kind == .regular }.map(\.inode)
    }

    /// All bytes of a file, where it is one of those to come.
    ///
    /// - Parameters:
    ///   - request: gives an inode; nil for what is not to be read.
    ///   - more: appends further files; false where there are none.
    func contents(
        of number: InodeNumber, _ request: (InodeNumber) throws -> Inode?, more: () -> Bool
    ) throws -> [UInt8]? {
        if let bytes = current[number] {
            used += 1
            return bytes
        }
        if let index = pending.firstIndex(where: { $0.numbers.contains(number) }) {
            pending.removeFirst(index)
        } else {
            guard let index = files.prefix(FilesAhead.reach).firstIndex(of: number) else { return nil }
            files = files[index...]
            pending = []
            try fill(request, more)
        }
        guard let batch = pending.first, batch.numbers.contains(number) else { return nil }
        if used * 2 < current.count {
            begin()
            hasGivenUp = true
            return nil
        }
        pending.removeFirst()
        // What failed there is read again by itself, and fails again or not.
        let contents = (try? batch.contents.value()) ?? []
        current = [:]
        for (number, bytes) in zip(batch.numbers, contents) { current[number] = bytes }
        used = 1
        try fill(request, more)
        return current[number]
    }

    private func fill(_ request: (InodeNumber) throws -> Inode?, _ more: () -> Bool) throws {
        while pending.count < FilesAhead.batches {
            var inodes: [Inode] = []
            var length: UInt64 = 0
            while inodes.count < FilesAhead.filesInBatch, length < FileContents.pieceLength {
                guard let number = files.popFirst() else {
                    if more() { continue } else { break }
                }
                guard let inode = try request(number) else { continue }
                inodes.append(inode)
                length += inode.size
            }
            guard !inodes.isEmpty else { return }
            let opener = opener
            let files = inodes
            let work = WorkerPool.shared.start {
                files.map { try? opener.open($0).descriptor.read(at: 0, count: Int($0.size)) }
            }
            pending.append((files.map(\.number), work))
        }
    }
}

/// Opens files of one subvolume by their numbers.
struct FileOpener: Sendable {
    let root: SharedDescriptor
    let subvolume: UInt64

    func open(_ inode: Inode) throws(SystemCallError) -> SharedDescriptor {
        SharedDescriptor(
            try root.descriptor.openInode(
                inode.number.rawValue, ofSubvolume: subvolume,
                generation: UInt32(truncatingIfNeeded: inode.birthGeneration), flags: OpenFlags.readQuietly))
    }
}

import SnapshotModel
import SystemCalls
import Workers

/// Reads the small files of a directory on other threads, in the order in which they will be asked for.
///
/// Begins when the first of them is asked for, and gives up in a directory of which too little is: what is shared
/// with other files is not read at all.
final class FilesAhead {
    /// Some files are read by one piece of work, which costs as much to hand over as to read one.
    private static let filesInBatch = 8
    /// Batches in work, of ``filesInBatch`` files of at most ``FileContents/pieceLength`` each; most are far smaller,
    /// and one that is not ends its batch.
    private static let batches = 4

    private typealias Batch = (numbers: [InodeNumber], contents: PendingResult<[[UInt8]?]>)

    private let opener: FileOpener
    private var listing: [DirectoryEntry] = []
    /// The entry that is being visited, and the first that was not yet given to a thread.
    private var (position, next) = (0, 0)
    private var pending: [Batch] = []
    private var current: [InodeNumber: [UInt8]] = [:]
    private var used = 0

    init(opener: FileOpener) {
        self.opener = opener
    }

    /// Says in what order files will be asked for.
    func begin(_ entries: [DirectoryEntry]) {
        (listing, position, next) = (entries, 0, 0)
        pending = []
        current = [:]
        used = 0
    }

    /// Says which entry is visited now.
    func pass(_ index: Int) {
        position = index
    }

    /// All bytes of a file, where it is one of those to come.
    ///
    /// - Parameter request: gives the inode of an entry; nil for what is not to be read.
    func contents(of number: InodeNumber, _ request: (DirectoryEntry) throws -> Inode?) throws -> [UInt8]? {
        if let bytes = current[number] {
            used += 1
            return bytes
        }
        if pending.first?.numbers.contains(number) != true {
            guard position < listing.count, listing[position].inode == number else { return nil }
            next = position
            pending = []
            try fill(request)
        }
        guard let batch = pending.first, batch.numbers.contains(number) else { return nil }
        if used * 2 < current.count {
            begin([])
            return nil
        }
        pending.removeFirst()
        // What failed there is read again by itself, and fails again or not.
        let contents = (try? batch.contents.value()) ?? []
        current = [:]
        for (number, bytes) in zip(batch.numbers, contents) { current[number] = bytes }
        used = 1
        try fill(request)
        return current[number]
    }

    private func fill(_ request: (DirectoryEntry) throws -> Inode?) throws {
        while pending.count < FilesAhead.batches, next < listing.count {
            var inodes: [Inode] = []
            var length: UInt64 = 0
            while inodes.count < FilesAhead.filesInBatch, length < FileContents.pieceLength, next < listing.count {
                let entry = listing[next]
                next += 1
                guard entry.kind == .regular, let inode = try request(entry) else { continue }
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

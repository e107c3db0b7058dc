import SnapshotModel

/// Where in a bookmark its inodes are told of.
///
/// A bookmark tells of each directory in one place, and in another of what lies in it and is no directory, in the order of
/// names. The former stand together in frames of their own, since a directory is asked for more often than what it
/// holds. What lies in a directory is a block; where it is much, others go on with it. So a few numbers for each block, and
/// for each run of inodes in one, are enough to find any of them.
struct BookmarkIndex: Sendable, Equatable {
    /// Where a step begins.
    struct Place: Sendable, Equatable {
        /// Which of the bookmark's frames of instructions, from 0 on.
        var frame: Int
        /// At which of its bytes.
        var offset: Int

        static let start = Place(frame: 0, offset: 0)
    }

    /// What lies in a directory, or a part of it.
    struct Block: Sendable, Equatable {
        /// Of the directory.
        var number: UInt64
        /// The first block of the directory that this one lies in; the root's has itself. Of one that goes on with a
        /// directory, the first block of that.
        var parent: Int
        /// Whether it goes on with the directory of the one before it.
        var isFurther = false
        /// Where the directory itself is told of.
        var directory: Place
        /// Where the block begins: it ends where the next one does.
        var files: Place
        /// As ``SnapshotTree/directorySize(_:)`` has it.
        var size: UInt64?
    }

    /// Inodes with numbers one after the other whose first names lie in one directory.
    struct Run: Sendable, Equatable {
        var first: UInt64
        var count: UInt64
        var block: Int
    }

    /// A further name of an inode, and the directory that it lies in.
    struct FurtherName: Sendable, Equatable {
        var number: UInt64
        var block: Int
    }

    /// The most bytes of an index, by those that the frames of instructions have as they are stored.
    static func maximumLength(for stored: Int) -> Int { (64 << 10) + 16 * stored }

    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/limitExceeded`` for more.
    static func checkLength(_ length: Int, for stored: Int, at offset: UInt64) throws(SnapshotError) {
        guard length <= maximumLength(for: stored) else {
            throw SnapshotError(
                .limitExceeded, "the index of a bookmark is too long for what it is about",
                place: "at byte \(offset) of the stream")
        }
    }

    /// In the order of the bookmark, each behind its parent.
    var blocks: [Block] = []
    /// What is no directory, in the order of numbers.
    var runs: [Run] = []
    /// In the order of the bookmark, which has a step for each.
    var furtherNames: [FurtherName] = []

    /// The bytes that the frames of an index hold together.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(varint: UInt64(blocks.count))
        var (number, directory, files) = (UInt64(0), Place.start, Place.start)
        for (place, block) in blocks.enumerated() {
            bytes.append(varint: ZigZag.encode(Int64(bitPattern: block.number &- number)))
            bytes.append(varint: block.isFurther ? 0 : UInt64(place - block.parent))
            if !block.isFurther {
                BookmarkIndex.append(block.directory, after: &directory, to: &bytes)
                bytes.append(varint: block.size.map { $0 &+ 1 } ?? 0)
            }
            BookmarkIndex.append(block.files, after: &files, to: &bytes)
            number = block.number
        }
        bytes.append(varint: UInt64(runs.count))
        var (next, block): (UInt64, Int) = (0, 0)
        for run in runs {
            bytes.append(varint: run.first - next)
            bytes.append(varint: run.count - 1)
            bytes.append(varint: ZigZag.encode(Int64(run.block - block)))
            (next, block) = (run.first + run.count, run.block)
        }
        bytes.append(varint: UInt64(furtherNames.count))
        (next, block) = (0, 0)
        for name in furtherNames {
            bytes.append(varint: UInt64(name.block - block))
            bytes.append(varint: ZigZag.encode(Int64(bitPattern: name.number &- next)))
            (next, block) = (name.number, name.block)
        }
        return bytes
    }

    private static func append(_ place: Place, after last: inout Place, to bytes: inout [UInt8]) {
        bytes.append(varint: UInt64(place.frame - last.frame))
        bytes.append(varint: UInt64(place.frame == last.frame ? place.offset - last.offset : place.offset))
        last = place
    }

    init() {}

    /// - Throws: ``SnapshotError`` where the bytes are no index.
    init(parsing raw: ArraySlice<UInt8>, at offset: UInt64) throws(SnapshotError) {
        var cursor = ByteCursor(raw, offset: offset, subject: "the index of a bookmark")
        // The fewest bytes of each.
        try readBlocks(&cursor, count: try cursor.varint(upTo: UInt64(raw.count / 4), "a count of directories"))
        try readRuns(&cursor, count: try cursor.varint(upTo: UInt64(raw.count / 3), "a count of inodes"))
        try readFurtherNames(&cursor, count: try cursor.varint(upTo: UInt64(raw.count / 2), "a count of names"))
        guard cursor.isAtEnd else { throw cursor.corrupt("the index of a bookmark has bytes left over") }
    }

    private mutating func readBlocks(_ cursor: inout ByteCursor, count: UInt64) throws(SnapshotError) {
        guard count > 0 else { throw cursor.corrupt("the index of a bookmark has no root") }
        blocks.reserveCapacity(Int(count))
        var last = Block(number: 0, parent: 0, directory: .start, files: .start)
        for place in 0..<Int(count) {
            let former = last.number
            last.number = last.number &+ UInt64(bitPattern: ZigZag.decode(try cursor.varint()))
            let distance = try cursor.varint(upTo: UInt64(place), "the distance of a directory from its parent")
            if distance == 0, place > 0 {
                guard last.number == former else { throw cursor.corrupt("a directory lies in itself") }
                last.parent = last.isFurther ? last.parent : place - 1
                (last.isFurther, last.size) = (true, nil)
            } else {
                last.parent = place - Int(distance)
                last.isFurther = false
                guard place == 0 || !blocks[last.parent].isFurther else {
                    throw cursor.corrupt("a directory lies in what is none")
                }
                last.directory = try BookmarkIndex.place(after: last.directory, &cursor)
                let size = try cursor.varint()
                last.size = size == 0 ? nil : size - 1
            }
            last.files = try BookmarkIndex.place(after: last.files, &cursor)
            blocks.append(last)
        }
    }

    private static func place(after last: Place, _ cursor: inout ByteCursor) throws(SnapshotError) -> Place {
        let frames = Int(try cursor.varint(upTo: UInt64(UInt32.max), "a number of frames"))
        let offset = Int(try cursor.varint(upTo: UInt64(FrameHeader.maximumRawLength), "a place in a frame"))
        let place = Place(frame: last.frame + frames, offset: frames == 0 ? last.offset + offset : offset)
        guard place.frame <= Int(UInt32.max), place.offset <= FrameHeader.maximumRawLength else {
            throw cursor.corrupt("a directory lies beyond its frame")
        }
        return place
    }

    private mutating func readRuns(_ cursor: inout ByteCursor, count: UInt64) throws(SnapshotError) {
        runs.reserveCapacity(Int(count))
        var (next, block): (UInt64, Int) = (0, 0)
        for _ in 0..<count {
            let first = try sum(next, try cursor.varint(), &cursor)
            let more = try cursor.varint()
            block = try self.block(block, &cursor)
            next = try sum(try sum(first, more, &cursor), 1, &cursor)
            runs.append(Run(first: first, count: more + 1, block: block))
        }
    }

    private mutating func readFurtherNames(_ cursor: inout ByteCursor, count: UInt64) throws(SnapshotError) {
        furtherNames.reserveCapacity(Int(count))
        var (number, block): (UInt64, Int) = (0, 0)
        for _ in 0..<count {
            block += Int(try cursor.varint(upTo: UInt64(blocks.count), "a number of directories"))
            guard block < blocks.count else { throw BookmarkIndex.lacksDirectory(&cursor) }
            number = number &+ UInt64(bitPattern: ZigZag.decode(try cursor.varint()))
            furtherNames.append(FurtherName(number: number, block: block))
        }
    }

    private static func lacksDirectory(_ cursor: inout ByteCursor) -> SnapshotError {
        cursor.corrupt("an inode lies in no directory of the index")
    }

    private func sum(_ one: UInt64, _ other: UInt64, _ cursor: inout ByteCursor) throws(SnapshotError) -> UInt64 {
        let (sum, overflows) = one.addingReportingOverflow(other)
        guard !overflows else { throw cursor.corrupt("a number in the index of a bookmark is too large") }
        return sum
    }

    private func block(_ last: Int, _ cursor: inout ByteCursor) throws(SnapshotError) -> Int {
        let (block, overflows) = last.addingReportingOverflow(Int(ZigZag.decode(try cursor.varint())))
        guard !overflows, blocks.indices.contains(block) else {
            throw BookmarkIndex.lacksDirectory(&cursor)
        }
        return block
    }
}

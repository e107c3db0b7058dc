import SnapshotModel

/// Directory entries in columns, their names in one blob. 21 bytes an entry and the name.
struct NameTable {
    /// The slot of the directory that holds the entry; ``free`` in a row without an entry.
    private(set) var directories: [UInt32] = []
    /// The slot of the inode that it names.
    private(set) var children: [UInt32] = []
    private var starts: [UInt32] = []
    private var lengths: [UInt8] = []
    private var blob: [UInt8] = []

    static let free = UInt32.max

    var rowCount: Int { directories.count }

    /// - Throws: ``SnapshotError`` where the names of a tree exceed 4 GiB, or its entries 2³² - 1.
    mutating func append(directory: Int, name: ArraySlice<UInt8>, child: Int) throws(SnapshotError) -> Int {
        guard UInt32(exactly: blob.count + name.count) != nil, rowCount < Int(UInt32.max) - 1 else {
            throw SnapshotError(.limitExceeded, "the names of the tree exceed 4 GiB")
        }
        directories.append(UInt32(directory))
        children.append(UInt32(child))
        starts.append(UInt32(blob.count))
        lengths.append(UInt8(truncatingIfNeeded: name.count))
        blob.append(contentsOf: name)
        return rowCount - 1
    }

    mutating func remove(_ row: Int) { directories[row] = NameTable.free }

    func name(_ row: Int) -> ArraySlice<UInt8> {
        let start = Int(starts[row])
        return blob[start..<(start + Int(lengths[row]))]
    }

    /// The table without free rows, the slots of directories translated, in the order of directory and name.
    func compacted(_ translate: [UInt32]) -> NameTable {
        var rows = directories.indices.filter { directories[$0] != NameTable.free }.map(UInt32.init)
        rows.sort {
            let left = translate[Int(directories[Int($0)])]
            let right = translate[Int(directories[Int($1)])]
            return left != right ? left < right : name(Int($0)).lexicographicallyPrecedes(name(Int($1)))
        }
        var table = NameTable()
        table.directories = rows.map { translate[Int(directories[Int($0)])] }
        // Children keep their slots: see translatingChildren(_:).
        table.children = rows.map { children[Int($0)] }
        table.lengths = rows.map { lengths[Int($0)] }
        table.starts.reserveCapacity(rows.count)
        table.blob.reserveCapacity(rows.reduce(0) { $0 + Int(lengths[Int($1)]) })
        for row in rows {
            table.starts.append(UInt32(table.blob.count))
            table.blob.append(contentsOf: name(Int(row)))
        }
        return table
    }

    /// The table with the slots of the inodes that its entries name translated.
    func translatingChildren(_ translate: [UInt32]) -> NameTable {
        var table = self
        table.children = children.map { translate[Int($0)] }
        return table
    }

    /// The memory of the columns and of the names.
    var byteCount: Int { rowCount * 13 + blob.count }
}

/// Finds the entry of a name in a directory while a tree changes: open addressing over the rows of a table.
struct NameHash {
    private var buckets: [UInt32] = [UInt32](repeating: empty, count: 16)
    private var used = 0
    private static let empty = UInt32.max
    private static let removed = UInt32.max - 1

    func find(_ name: ArraySlice<UInt8>, in directory: Int, _ table: NameTable) -> Int? {
        var bucket = NameHash.hash(name, directory) & (buckets.count - 1)
        while buckets[bucket] != NameHash.empty {
            let row = buckets[bucket]
            if row != NameHash.removed, table.directories[Int(row)] == UInt32(directory), table.name(Int(row)) == name {
                return Int(row)
            }
            bucket = (bucket + 1) & (buckets.count - 1)
        }
        return nil
    }

    /// Enters a row whose name is not there yet.
    mutating func insert(_ row: Int, _ table: NameTable) {
        if (used + 1) * 4 > buckets.count * 3 {
            rebuild(table)
        } else {
            place(row, table)
        }
    }

    /// Takes a row out, before the table does.
    mutating func remove(_ row: Int, _ table: NameTable) {
        var bucket = NameHash.hash(table.name(row), Int(table.directories[row])) & (buckets.count - 1)
        while buckets[bucket] != NameHash.empty {
            if buckets[bucket] == UInt32(row) {
                buckets[bucket] = NameHash.removed
                return
            }
            bucket = (bucket + 1) & (buckets.count - 1)
        }
    }

    /// Enters all rows of a table that are not free, and nothing else.
    mutating func rebuild(_ table: NameTable) {
        let live = table.directories.count { $0 != NameTable.free }
        var size = 16
        while size * 3 < (live + 1) * 5 { size *= 2 }
        buckets = [UInt32](repeating: NameHash.empty, count: size)
        used = 0
        for row in 0..<table.rowCount where table.directories[row] != NameTable.free { place(row, table) }
    }

    private mutating func place(_ row: Int, _ table: NameTable) {
        var bucket = NameHash.hash(table.name(row), Int(table.directories[row])) & (buckets.count - 1)
        while buckets[bucket] != NameHash.empty { bucket = (bucket + 1) & (buckets.count - 1) }
        buckets[bucket] = UInt32(row)
        used += 1
    }

    /// The standard library's hash, keyed anew in each process, so that a stream cannot aim at collisions.
    private static func hash(_ name: ArraySlice<UInt8>, _ directory: Int) -> Int {
        var hasher = Hasher()
        hasher.combine(directory)
        unsafe name.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return hasher.finalize() & Int.max
    }
}

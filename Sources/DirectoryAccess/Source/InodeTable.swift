import SnapshotModel

/// Every name below a directory, by inode number, in flat arrays.
struct InodeTable {
    private var numbers: [UInt64] = []
    private var parents: [UInt64] = []
    /// Where in ``names`` each name begins; one more at the end.
    private var starts: [UInt32] = [0]
    private var names: [UInt8] = []
    /// The rows by number, then directory, then name.
    private var order: [UInt32] = []

    /// Walks the tree once.
    init(of tree: DirectoryTree) throws {
        var waiting = [tree.root.rawValue]
        while let directory = waiting.popLast() {
            for entry in try tree.list(directory) {
                try append(entry, in: directory)
                if entry.kind == .directory { waiting.append(entry.inode.rawValue) }
            }
        }
        order = (0..<UInt32(numbers.count)).sorted { left, right in
            let left = Int(left)
            let right = Int(right)
            if numbers[left] != numbers[right] { return numbers[left] < numbers[right] }
            if parents[left] != parents[right] { return parents[left] < parents[right] }
            return name(left).lexicographicallyPrecedes(name(right))
        }
    }

    private mutating func append(_ entry: DirectoryEntry, in directory: UInt64) throws {
        guard names.count + entry.name.bytes.count <= Int(UInt32.max) else {
            throw SnapshotError(.limitExceeded, "the names of this directory take more than 4 GiB")
        }
        numbers.append(entry.inode.rawValue)
        parents.append(directory)
        names.append(contentsOf: entry.name.bytes)
        starts.append(UInt32(names.count))
    }

    private func name(_ row: Int) -> ArraySlice<UInt8> {
        names[Int(starts[row])..<Int(starts[row + 1])]
    }

    private func place(atRow row: Int) -> Place {
        Place(directory: parents[row], name: [UInt8](name(row)))
    }

    /// The first place in ``order`` whose number is not below `number`.
    private func lowerBound(_ number: UInt64) -> Int {
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if numbers[Int(order[middle])] < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func place(of number: UInt64) -> Place? {
        let index = lowerBound(number)
        guard index < order.count, numbers[Int(order[index])] == number else { return nil }
        return place(atRow: Int(order[index]))
    }

    func links(of number: UInt64) -> [InodeLink] {
        var links: [InodeLink] = []
        var index = lowerBound(number)
        while index < order.count, numbers[Int(order[index])] == number {
            links.append(place(atRow: Int(order[index])).link)
            index += 1
        }
        return links
    }

    /// Visits every number once, in order, with `extra` among them.
    func forEachNumber(with extra: UInt64, _ body: (UInt64) throws -> Void) throws {
        var last: UInt64?
        var isExtraDue = true
        for row in order {
            let number = numbers[Int(row)]
            if isExtraDue, number >= extra {
                isExtraDue = false
                if number != extra { try body(extra) }
            }
            if number != last { try body(number) }
            last = number
        }
        if isExtraDue { try body(extra) }
    }
}

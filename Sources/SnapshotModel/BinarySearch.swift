extension RandomAccessCollection {
    /// The first index whose element does not satisfy `precedes`, which all those before it must; the end where all do.
    @inlinable
    package func firstIndex(behind precedes: (Element) throws -> Bool) rethrows -> Index {
        var low = startIndex
        var length = count
        while length > 0 {
            let middle = index(low, offsetBy: length / 2)
            if try precedes(self[middle]) {
                low = index(after: middle)
                length -= length / 2 + 1
            } else {
                length /= 2
            }
        }
        return low
    }
}

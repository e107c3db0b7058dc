import SnapshotModel

extension SnapshotTree {
    /// The path of an inode by its first name, below a directory; nil where it does not lie there, or no
    /// stream could name it.
    func path(of number: InodeNumber, below top: InodeNumber) throws -> RelativePath? {
        var names: [FileName] = []
        var current = number
        while current != top {
            // A name is at least a byte: longer chains than this have no path, or go in a circle.
            guard names.count <= RelativePath.maximumLength, let link = try links(of: current).first else {
                return nil
            }
            names.append(link.name)
            current = link.directory
        }
        let length = names.reduce(0) { $0 + $1.bytes.count + 1 }
        guard length <= RelativePath.maximumLength + 1 else { return nil }
        return RelativePath(trusted: Array(names.reversed().map(\.bytes).joined(separator: [UInt8(ascii: "/")])))
    }

    /// The path of one name of an inode.
    func path(of link: InodeLink) throws -> RelativePath? {
        let path = try path(of: link.directory, below: root)?.appending(link.name)
        return path.flatMap { $0.bytes.count <= RelativePath.maximumLength ? $0 : nil }
    }
}

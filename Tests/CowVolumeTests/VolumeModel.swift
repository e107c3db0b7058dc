import CowVolume
import SnapshotModel
import SnapshotTesting
import Testing

/// A plain tree of files and directories, and random steps that change it and a volume alike.
struct VolumeModel {
    /// A file by its number; several paths may name one.
    var files: [Int: [UInt8]] = [:]
    var attributes: [Int: [String: [UInt8]]] = [:]
    /// Paths of files.
    var names: [String: Int] = [:]
    /// Paths of directories.
    var directories: Set<String> = []
    private var nextFile = 1

    /// One valid step of the model, as instructions.
    mutating func step(_ generator: inout SplitMix64, itself: SnapshotReference) -> [Instruction] {
        let name = "n\(Int.random(in: 0..<400, using: &generator))"
        let parent = directories.sorted().randomElement(using: &generator)
        let path = Bool.random(using: &generator) ? name : parent.map { "\($0)/\(name)" } ?? name
        let isFree = names[path] == nil && !directories.contains(path)
        let existing = names.keys.sorted().randomElement(using: &generator)
        switch Int.random(in: 0..<12, using: &generator) {
        case 0, 1, 2:
            guard isFree else { return [] }
            let number = nextFile
            nextFile += 1
            names[path] = number
            files[number] = []
            return [.makeFile(RelativePath(path), InodeIdentity(number: InodeNumber(UInt64(1000 + number))))]
                + write(path, &generator)
        case 3:
            guard isFree, directories.count < 40 else { return [] }
            directories.insert(path)
            return [.makeDirectory(RelativePath(path), InodeIdentity(number: InodeNumber(0)))]
        case 4, 5:
            guard let existing else { return [] }
            return write(existing, &generator)
        case 6:
            guard let existing, let number = names.removeValue(forKey: existing) else { return [] }
            if !names.values.contains(number) {
                files[number] = nil
                attributes[number] = nil
            }
            return [.unlink(RelativePath(existing))]
        case 7:
            guard let existing, isFree, let number = names.removeValue(forKey: existing) else { return [] }
            names[path] = number
            return [.rename(RelativePath(existing), to: RelativePath(path))]
        case 8:
            guard let existing, isFree, let number = names[existing] else { return [] }
            names[path] = number
            return [.link(RelativePath(path), to: RelativePath(existing))]
        case 9:
            guard let existing, let number = names[existing], var bytes = files[number] else { return [] }
            let size = Int.random(in: 0...(bytes.count + 3000), using: &generator)
            bytes = Array(bytes.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - bytes.count))
            files[number] = bytes
            return [.truncate(RelativePath(existing), size: UInt64(size))]
        case 10:
            guard let existing, let number = names[existing] else { return [] }
            let key = "user.k\(Int.random(in: 0..<3, using: &generator))"
            let value = generator.bytes(Int.random(in: 0..<200, using: &generator))
            attributes[number, default: [:]][key] = value
            return [
                .setExtendedAttribute(
                    RelativePath(existing), ExtendedAttribute(name: Array(key.utf8), value: value))
            ]
        default: return clone(&generator, itself)
        }
    }

    private mutating func write(_ path: String, _ generator: inout SplitMix64) -> [Instruction] {
        guard let number = names[path], var bytes = files[number] else { return [] }
        let longest = [40, 1500, 6000, 200_000].randomElement(using: &generator) ?? 40
        let count = Int.random(in: 1...longest, using: &generator)
        let offset = Int.random(in: 0...bytes.count + (longest > 6000 ? 0 : 100), using: &generator)
        let data = Bool.random(using: &generator) ? generator.bytes(count) : [UInt8](repeating: 7, count: count)
        if bytes.count < offset + count {
            bytes.append(contentsOf: repeatElement(0, count: offset + count - bytes.count))
        }
        bytes.replaceSubrange(offset..<offset + count, with: data)
        files[number] = bytes
        return [.write(RelativePath(path), offset: UInt64(offset), data: data[...])]
    }

    private mutating func clone(_ generator: inout SplitMix64, _ itself: SnapshotReference) -> [Instruction] {
        guard let from = names.keys.sorted().randomElement(using: &generator),
            let to = names.keys.sorted().randomElement(using: &generator),
            let source = names[from], let target = names[to], source != target,
            let bytes = files[source], !bytes.isEmpty, var result = files[target]
        else { return [] }
        let start = Int.random(in: 0..<bytes.count, using: &generator)
        let count = Int.random(in: 1...(bytes.count - start), using: &generator)
        let offset = Int.random(in: 0...result.count, using: &generator)
        if result.count < offset + count {
            result.append(contentsOf: repeatElement(0, count: offset + count - result.count))
        }
        result.replaceSubrange(offset..<offset + count, with: bytes[start..<start + count])
        files[target] = result
        let place = CloneSource(snapshot: itself, path: RelativePath(from), offset: UInt64(start))
        return [.clone(RelativePath(to), offset: UInt64(offset), length: UInt64(count), from: place)]
    }

    /// Fails where the tree is not what the model has.
    func compare(with tree: VolumeTree, _ note: String) throws {
        var found: Set<String> = []
        var waiting: [(path: String, number: InodeNumber)] = [("", tree.root)]
        while let (path, number) = waiting.popLast() {
            try tree.forEachEntry(in: number) { entry in
                let name = String(decoding: entry.name.bytes, as: UTF8.self)
                let full = path.isEmpty ? name : "\(path)/\(name)"
                found.insert(full)
                if entry.kind == .directory {
                    #expect(directories.contains(full), "\(note) \(full)")
                    waiting.append((full, entry.inode))
                    return
                }
                let file = try #require(names[full], "\(note) \(full) is not in the model")
                try compareFile(file, full, entry.inode, tree, note)
            }
        }
        #expect(found == directories.union(names.keys), "\(note)")
        #expect(tree.totals?.inodes == UInt64(1 + directories.count + files.count), "\(note)")
        #expect(tree.totals?.bytes == UInt64(files.values.reduce(0) { $0 + $1.count }), "\(note)")
    }

    private func compareFile(
        _ file: Int, _ path: String, _ number: InodeNumber, _ tree: VolumeTree, _ note: String
    ) throws {
        let inode = try tree.existingInode(number)
        let bytes = try #require(files[file])
        #expect(inode.size == UInt64(bytes.count), "\(note) \(path)")
        #expect(try tree.links(of: number).count == names.values.count { $0 == file }, "\(note) \(path)")
        let pairs = try tree.extendedAttributes(of: number).map { (String(decoding: $0.name, as: UTF8.self), $0.value) }
        #expect(Dictionary(uniqueKeysWithValues: pairs) == attributes[file] ?? [:], "\(note) \(path)")
        guard tree.holdsData else { return }
        var content: [UInt8] = []
        while true {
            let part = try tree.read(number, at: UInt64(content.count), count: 100_000)
            if part.isEmpty { break }
            content.append(contentsOf: part)
        }
        #expect(content == bytes, "\(note) \(path): contents differ")
    }
}

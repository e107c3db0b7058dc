import SnapshotModel

/// Where the names of a base snapshot are now, while the directory that holds it is changed in place.
///
/// Only names that were moved or removed are remembered, and the directories above them, as a tree beside the
/// one on disk: a name that was moved takes with it what was moved into it before. A question and a change cost
/// as much as the path has names, however many changes came before.
struct BaseNames {
    /// Where something of the base is.
    enum Place: Equatable {
        /// At this path of the directory.
        case here(RelativePath)
        /// Removed, and kept under this name.
        case kept([UInt8])
        /// Removed for good.
        case gone
    }

    private enum Parent {
        case root
        case directory(Int)
        case graveyard
        case nowhere
    }

    private struct Node {
        var parent: Parent
        var name: [UInt8]
    }

    private struct Entry: Hashable {
        let directory: Int
        let name: [UInt8]
    }

    /// The first is the root.
    private var nodes = [Node(parent: .root, name: [])]
    /// What a directory held in the base, under the name it had there.
    private var former: [Entry: Int] = [:]
    /// What a directory holds now.
    private var present: [Entry: Int] = [:]

    /// Notes that something was renamed, with all that lies in it.
    mutating func move(_ path: RelativePath, to newPath: RelativePath) {
        guard let (parent, name) = newPath.split else { return }
        let moved = take(path)
        let directory = node(at: parent)
        nodes[moved] = Node(parent: .directory(directory), name: name.bytes)
        present[Entry(directory: directory, name: name.bytes)] = moved
    }

    /// Notes that a file was removed.
    mutating func remove(_ path: RelativePath, keptAs name: [UInt8]?) {
        nodes[take(path)] = Node(parent: name == nil ? .nowhere : .graveyard, name: name ?? [])
    }

    /// Where something is that the base has under this path.
    func place(of path: RelativePath) -> Place {
        let names = path.names
        var index = 0
        var known = 0
        while known < names.count, let next = former[Entry(directory: index, name: names[known].bytes)] {
            index = next
            known += 1
        }
        var reversed = Array(names[known...].map(\.bytes).reversed())
        var length = reversed.reduce(0) { $0 + $1.count + 1 }
        while true {
            let node = nodes[index]
            switch node.parent {
            case .root:
                return .here(RelativePath(trusted: Array(reversed.reversed().joined(separator: [UInt8(ascii: "/")]))))
            case .directory(let parent):
                index = parent
                reversed.append(node.name)
                length += node.name.count + 1
                // Too deep to be named at once, which is no place to take anything from.
                if length > RelativePath.maximumLength + 1 { return .gone }
            case .graveyard: return reversed.isEmpty ? .kept(node.name) : .gone
            case .nowhere: return .gone
            }
        }
    }

    /// Takes what has a path now out of its directory.
    private mutating func take(_ path: RelativePath) -> Int {
        let taken = node(at: path)
        if case .directory(let parent) = nodes[taken].parent {
            present[Entry(directory: parent, name: nodes[taken].name)] = nil
        }
        return taken
    }

    /// What has a path now. What was not spoken of before is where the base had it, or is new: if the base had
    /// nothing of that name nobody asks for it, and if it had something, that is known already.
    private mutating func node(at path: RelativePath) -> Int {
        var index = 0
        for name in path.names {
            let entry = Entry(directory: index, name: name.bytes)
            if let next = present[entry] {
                index = next
            } else {
                nodes.append(Node(parent: .directory(index), name: name.bytes))
                index = nodes.count - 1
                present[entry] = index
                if former[entry] == nil { former[entry] = index }
            }
        }
        return index
    }
}

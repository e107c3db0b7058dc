import SnapshotModel
import SystemCalls

extension DirectoryTree {
    /// Where an inode other than the root can be found; nil where it is not in the tree.
    func place(of number: UInt64) throws -> Place? {
        if let place = directories[number] ?? recent.place(of: number) { return place }
        if let directory = recent.formerDirectory(of: number) {
            do {
                try forEachEntry(in: InodeNumber(directory)) { _ in }
            } catch let error as SnapshotError where error.isLossOfSource {
                // The inode may have a name elsewhere.
            }
            if let place = recent.place(of: number) { return place }
        }
        return try table().place(of: number)
    }

    /// The status of an inode where it was found last.
    ///
    /// - Throws: ``SnapshotError/Code/vanished`` where something else is there now, or nothing.
    func status(of number: UInt64, at place: Place) throws -> FileStatus {
        do {
            let status = try descriptor(of: place.directory).descriptor.status(of: place.name)
            if status.inode == number || mounted.contains(number) { return status }
        } catch let error as SystemCallError {
            throw unreadable(error, at: place)
        }
        throw vanished(place)
    }

    /// An open directory.
    func descriptor(of number: UInt64) throws -> SharedDescriptor {
        if number == root.rawValue { return rootDescriptor }
        if let descriptor = descriptors.value(for: number) { return descriptor }
        var way: [(number: UInt64, place: Place)] = []
        var current = rootDescriptor
        var next = number
        while next != root.rawValue {
            if let open = descriptors.value(for: next) {
                current = open
                break
            }
            guard let place = try directories[next] ?? table().place(of: next), way.count < maximumDepth else {
                throw SnapshotError(.notFound, "there is no directory \(next)", place: identity.name)
            }
            way.append((next, place))
            next = place.directory
        }
        for (number, place) in way.reversed() {
            do {
                current = SharedDescriptor(
                    try current.descriptor.openDirectory(beneath: place.name, flags: OpenFlags.readDirectory))
                guard try current.descriptor.status().inode == number else { throw vanished(place) }
            } catch let error as SystemCallError {
                throw unreadable(error, at: place)
            }
        }
        descriptors.insert(current, for: number)
        return current
    }

    /// The names from the root to a directory, joined by `/`.
    func path(of number: UInt64) throws -> [UInt8] {
        var names: [[UInt8]] = []
        var next = number
        while next != root.rawValue {
            guard let place = try directories[next] ?? table().place(of: next), names.count < maximumDepth else {
                throw SnapshotError(.notFound, "there is no directory \(next)", place: identity.name)
            }
            names.append(place.name)
            next = place.directory
        }
        return Array(names.reversed().joined(separator: [UInt8(ascii: "/")]))
    }

    /// Directories that are moved about while they are read could seem to lie in each other.
    private var maximumDepth: Int { 65_536 }

    func describe(_ place: Place) -> String {
        let path = (try? path(of: place.directory)) ?? []
        return EscapedBytes.describe(path.isEmpty ? place.name : path + [UInt8(ascii: "/")] + place.name)
    }

    func vanished(_ place: Place, cause: (any Error)? = nil) -> SnapshotError {
        SnapshotError(.vanished, "this file is no longer there", place: describe(place), cause: cause)
    }

    /// What a failed call on an entry means.
    func unreadable(_ error: SystemCallError, at place: Place) -> SnapshotError {
        if error.isMissing || error.isNotADirectory || error.isSymbolicLink || error.isStale {
            return vanished(place, cause: error)
        }
        return SnapshotError(
            error.isExhaustion ? .system : .unreadable, "this file cannot be read", place: describe(place),
            remedy: error.remedy, cause: error)
    }
}

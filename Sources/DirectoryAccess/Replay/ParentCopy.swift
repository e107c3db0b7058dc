import SnapshotModel
import SystemCalls

/// Fills an empty directory with all that a received snapshot holds, as the start of an incremental replay.
///
/// Files share their data with the parent's by reflink where the file system can; elsewhere they are hard links
/// to the parent's own, which ``TreeReplay/separate(_:in:_:)`` replaces before anything of them changes.
/// Inodes with several names keep them together.
struct ParentCopy {
    private enum Step {
        case enter(RelativePath)
        case leave(RelativePath, FileStatus)
    }

    private let source: SharedDescriptor
    private let replay: TreeReplay
    private var canReflink = true
    /// Inodes of the parent that have several names in it, in order.
    private var grouped: [UInt64] = []
    /// Where the first name of such an inode was copied to.
    private var firstNames: [UInt64: RelativePath] = [:]

    init(of source: SharedDescriptor, into replay: TreeReplay) {
        self.source = source
        self.replay = replay
    }

    mutating func run() throws {
        try findGroups()
        var steps = [Step.enter(.root)]
        while let step = steps.popLast() {
            do {
                switch step {
                case .enter(let path): try enter(path, &steps)
                case .leave(let path, let status): try leave(path, status)
                }
            } catch let error as SystemCallError {
                let path: RelativePath =
                    switch step {
                    case .enter(let path), .leave(let path, _): path
                    }
                throw SnapshotError(
                    .system, "the parent snapshot cannot be copied", place: path.description, cause: error)
            }
        }
    }

    /// Finds the numbers that occur twice among inodes with several names, which may lie in other snapshots.
    private mutating func findGroups() throws {
        var numbers: [UInt64] = []
        var waiting = [RelativePath.root]
        while let path = waiting.popLast() {
            let directory = try open(path, beneath: source, toRead: true)
            try directory.descriptor.forEachEntry { entry in
                let status = try directory.descriptor.status(of: entry.name)
                if status.isDirectory {
                    waiting.append(path.appending(FileName(trusted: entry.name)))
                } else if status.linkCount > 1 {
                    numbers.append(status.inode)
                }
            }
        }
        numbers.sort()
        for (left, right) in zip(numbers, numbers.dropFirst()) where left == right && grouped.last != left {
            grouped.append(left)
        }
    }

    private func isGrouped(_ number: UInt64) -> Bool {
        var low = 0
        var high = grouped.count
        while low < high {
            let middle = (low + high) / 2
            if grouped[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low < grouped.count && grouped[low] == number
    }

    private func open(
        _ path: RelativePath, beneath root: SharedDescriptor, toRead: Bool
    ) throws(SystemCallError) -> SharedDescriptor {
        SharedDescriptor(
            try root.descriptor.openDirectory(
                beneath: path.bytes, flags: toRead ? OpenFlags.readDirectory : OpenFlags.passDirectory))
    }

    private mutating func enter(_ path: RelativePath, _ steps: inout [Step]) throws {
        let from = try open(path, beneath: source, toRead: true)
        let to = try open(path, beneath: replay.root, toRead: false)
        steps.append(.leave(path, try from.descriptor.status()))
        var names: [[UInt8]] = []
        try from.descriptor.forEachEntry { names.append($0.name) }
        for name in names {
            let status = try from.descriptor.status(of: name)
            let path = path.appending(FileName(trusted: name))
            if status.isDirectory {
                guard path.bytes.count <= RelativePath.maximumLength else {
                    throw SnapshotError(.limitExceeded, "a path of the parent is too long", place: path.description)
                }
                try to.descriptor.makeDirectory(name, mode: 0o700)
                steps.append(.enter(path))
            } else {
                try copy(name, status, path, from: from, to: to)
            }
        }
    }

    private mutating func leave(_ path: RelativePath, _ status: FileStatus) throws {
        let from = try open(path, beneath: source, toRead: true)
        let to = try open(path, beneath: replay.root, toRead: true)
        var copy = InodeCopy(status: status, path: path)
        try copy.copyDirectoryAttributes(from: from.descriptor, to: to.descriptor)
        try account(for: copy)
    }

    private mutating func copy(
        _ name: [UInt8], _ status: FileStatus, _ path: RelativePath, from: SharedDescriptor,
        to: SharedDescriptor
    ) throws {
        if isGrouped(status.inode) {
            if let first = firstNames[status.inode] {
                try linkToFirst(first, name, path, in: to)
            } else {
                firstNames[status.inode] = path
                try duplicate(name, status, path, from: from, to: to)
                try keepGroup(name, in: to)
            }
        } else if status.isRegular, canReflink, try reflink(name, status, path, from: from, to: to) {
            // Shares its data with the parent's.
        } else if status.isRegular, try linkToParent(name, from: from, to: to) {
            replay.shared.isActive = true
        } else {
            try duplicate(name, status, path, from: from, to: to)
        }
    }

    /// Gives the copy of an inode one more of its names.
    private func linkToFirst(
        _ first: RelativePath, _ name: [UInt8], _ path: RelativePath, in directory: SharedDescriptor
    ) throws {
        guard !replay.missing.contains(first), let (parent, firstName) = first.split else {
            replay.missing.insert(path)
            return
        }
        let firstDirectory = try open(parent, beneath: replay.root, toRead: false)
        try firstDirectory.descriptor.link(firstName.bytes, to: name, in: directory.descriptor)
    }

    private func keepGroup(_ name: [UInt8], in directory: SharedDescriptor) throws {
        // What could not be made has no number to remember.
        guard let status = try? directory.descriptor.status(of: name) else { return }
        replay.shared.ownGroups.insert(status.inode)
    }

    /// Makes a hard link to the parent's file; false where that cannot be.
    private func linkToParent(
        _ name: [UInt8], from: SharedDescriptor, to: SharedDescriptor
    ) throws(SystemCallError) -> Bool {
        do throws(SystemCallError) {
            try from.descriptor.link(name, to: name, in: to.descriptor)
            return true
        } catch  where error.isForbidden || error.isTooManyLinks || error.isBeyond || error.isUnsupported {
            return false
        }
    }

    /// Copies an inode, sharing data where that can be.
    private mutating func duplicate(
        _ name: [UInt8], _ status: FileStatus, _ path: RelativePath, from: SharedDescriptor,
        to: SharedDescriptor
    ) throws {
        let isShared = status.isRegular && canReflink ? try reflink(name, status, path, from: from, to: to) : false
        if !isShared { try copyWhole(name, status, path, from: from, to: to) }
    }

    private func copyWhole(
        _ name: [UInt8], _ status: FileStatus, _ path: RelativePath, from: SharedDescriptor,
        to: SharedDescriptor
    ) throws {
        var copy = InodeCopy(status: status, path: path)
        do {
            try copy.copy(from: from.descriptor, name, to: to.descriptor, name, contents: .copied)
        } catch {
            guard error.isForbidden, !status.isRegular else { throw error }
            try replay.lose(.device, path, error)
            replay.missing.insert(path)
        }
        try account(for: copy)
    }

    /// Copies a regular file by reflink; false where that cannot be, now and from then on.
    private mutating func reflink(
        _ name: [UInt8], _ status: FileStatus, _ path: RelativePath, from: SharedDescriptor,
        to: SharedDescriptor
    ) throws -> Bool {
        var copy = InodeCopy(status: status, path: path)
        do {
            try copy.copy(from: from.descriptor, name, to: to.descriptor, name, contents: .shared)
        } catch {
            guard error.isUnsupported || error.isInvalid || error.isBeyond || error.isForbidden else { throw error }
            // One file that cannot be read or shared does not speak for the others.
            if error.isUnsupported { canReflink = false }
            return false
        }
        try account(for: copy)
        return true
    }

    private func account(for copy: InodeCopy) throws {
        try replay.add(copy.losses)
        if copy.forbiddingFlags != 0, !copy.path.isRoot {
            replay.deferred.flags[copy.path] = DeferredAttributes.Flags(flags: copy.forbiddingFlags)
            if !copy.status.isDirectory, copy.status.linkCount > 1 { replay.deferred.mayHaveUnknownLinks = true }
        }
    }
}

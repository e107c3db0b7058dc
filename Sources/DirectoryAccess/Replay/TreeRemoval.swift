import SnapshotModel
package import SystemCalls

/// Removes all that lies in a directory, never through a symbolic link.
package enum TreeRemoval {
    private enum Step {
        case enter([UInt8])
        case remove([UInt8])
    }

    /// Empties a directory that is open for reading.
    static func removeContents(of root: borrowing Descriptor) throws {
        var steps = [Step.enter([])]
        while let step = steps.popLast() {
            switch step {
            case .enter(let path):
                if !path.isEmpty { steps.append(.remove(path)) }
                try removeFiles(in: path, beneath: root) { steps.append(.enter($0)) }
            case .remove(let path):
                let (parent, name) = split(path)
                let directory = try root.openDirectory(beneath: parent, flags: OpenFlags.passDirectory)
                try directory.removeDirectory(name)
            }
        }
    }

    /// Removes an entry, and if it is a directory all that lies in it.
    package static func remove(_ name: [UInt8], in directory: borrowing Descriptor) throws {
        if try directory.status(of: name).isDirectory {
            try giveRights(to: name, in: directory)
            let opened = try directory.openDirectory(beneath: name, flags: OpenFlags.readDirectory)
            try removeContents(of: opened)
            try directory.removeDirectory(name)
        } else {
            try directory.unlink(name)
        }
    }

    private static func removeFiles(
        in path: [UInt8], beneath root: borrowing Descriptor, _ enter: ([UInt8]) -> Void
    ) throws {
        let directory = try root.openDirectory(beneath: path, flags: OpenFlags.readDirectory)
        allowChanges(directory)
        var names: [[UInt8]] = []
        try directory.forEachEntry { names.append($0.name) }
        for name in names {
            if try directory.status(of: name).isDirectory {
                try giveRights(to: name, in: directory)
                enter(path.isEmpty ? name : path + [UInt8(ascii: "/")] + name)
            } else {
                try unlink(name, in: directory)
            }
        }
    }

    private static func unlink(_ name: [UInt8], in directory: borrowing Descriptor) throws(SystemCallError) {
        do throws(SystemCallError) {
            try directory.unlink(name)
        } catch  where error.isForbidden {
            // It may be immutable, also under names elsewhere.
            guard let file = try? directory.open(name, flags: OpenFlags.read) else { throw error }
            let former = allowChanges(file)
            let result = Result { () throws(SystemCallError) in try directory.unlink(name) }
            if let former, try file.status().linkCount > 0 { try FileFlags.set(former, in: file.flags(), on: file) }
            try result.get()
        }
    }

    /// Takes off the flags that forbid changes; those that there were, if any forbade them.
    @discardableResult
    private static func allowChanges(_ descriptor: borrowing Descriptor) -> UInt32? {
        guard let flags = try? descriptor.flags(), flags & FileFlags.forbidding != 0 else { return nil }
        try? FileFlags.set(flags & ~FileFlags.forbidding, in: flags, on: descriptor)
        return flags
    }

    /// Lets the owner of a directory list and empty it.
    private static func giveRights(to name: [UInt8], in directory: borrowing Descriptor) throws(SystemCallError) {
        let status = try directory.status(of: name)
        guard status.permissions & 0o700 != 0o700, CurrentProcess.effectiveUser != 0 else { return }
        try directory.changeMode(of: name, status.permissions | 0o700)
    }

    private static func split(_ path: [UInt8]) -> (parent: [UInt8], name: [UInt8]) {
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return ([], path) }
        return ([UInt8](path[..<slash]), [UInt8](path[(slash + 1)...]))
    }
}

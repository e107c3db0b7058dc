import DirectoryAccess
import SystemCalls

/// Subvolumes as trees to build in: an empty one, or a snapshot of a base.
struct SubvolumeTrees: TreeKeeper {
    /// The root of the subvolume that a new one begins as a snapshot of.
    var base: SharedDescriptor?

    func make(_ name: [UInt8], in directory: borrowing Descriptor) throws(SystemCallError) {
        if let base {
            try directory.makeSnapshot(name, of: base.descriptor, readOnly: false)
        } else {
            try directory.makeSubvolume(name)
            try directory.changeMode(of: name, 0o700)
        }
    }

    /// Removes a subvolume as a whole, or where only root may do that all that is in it; and a directory too.
    func remove(_ name: [UInt8], in directory: borrowing Descriptor) throws {
        let root = try directory.open(name, flags: OpenFlags.readDirectory)
        if (try? root.isSubvolumeRoot()) == true {
            // It may have been made read-only, and then not have got its name.
            try? root.setReadOnly(false)
            if (try? directory.destroySubvolume(name)) != nil { return }
        }
        try TreeRemoval.remove(name, in: directory)
    }
}

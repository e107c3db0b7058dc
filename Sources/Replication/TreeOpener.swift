import BtrfsAccess
package import CowVolume
import DirectoryAccess
import Foundation
import SendStream
package import SnapshotModel
import SystemCalls

/// Opens what addresses name, each volume only once.
package final class TreeOpener {
    /// By the bytes of their paths: texts that Unicode takes for equal can name two directories.
    private var volumes: [[UInt8]: Volume] = [:]

    package init() {}

    /// A tree that an address names.
    package struct OpenedTree {
        package let tree: any SnapshotTree
        /// The volume and the name in it, where it lies in one.
        package let volume: (volume: Volume, name: VolumeName)?
        /// The path below the tree's root that the address goes on with.
        package let path: RelativePath
        /// What could not be read so far.
        package let losses: () -> ReplayLosses
    }

    /// The volume at a path of the host.
    package func volume(at path: String) throws -> Volume {
        let bytes = Array(path.utf8)
        if let volume = volumes[bytes] { return volume }
        let volume = try Volume.open(at: path)
        volumes[bytes] = volume
        return volume
    }

    /// The volume that an address lies in, and what the address names there.
    ///
    /// - Throws: ``SnapshotError`` with ``SnapshotError/Code/invalidRequest`` where it lies in none.
    package func volumeName(_ address: String) throws -> (volume: Volume, name: VolumeName) {
        guard case .volume(let path, let name) = try Address(address) else {
            throw SnapshotError(
                .invalidRequest, "not in a volume", place: address,
                remedy: "write VOLUME/DATASET, and make the volume with 'cowpath create'")
        }
        return (try volume(at: path), name)
    }

    /// The tree that an address names: a snapshot, bookmark or dataset of a volume, a stored stream, or a
    /// directory as it stands.
    ///
    /// - Throws: ``SnapshotError`` where there is none.
    ///
    /// - Parameter base: What a stored stream that is a difference starts from, where that is a stream too.
    package func tree(_ address: String, onto base: OpenedTree? = nil) throws -> OpenedTree {
        switch try Address(address) {
        case .volume(let path, let name):
            let volume = try volume(at: path)
            guard !name.dataset.isEmpty else {
                throw SnapshotError(
                    .invalidRequest, "a volume is no snapshot", place: address,
                    remedy: "name a dataset or snapshot in it")
            }
            return OpenedTree(
                tree: try volume.tree(of: name.qualified), volume: (volume, name), path: name.path,
                losses: { ReplayLosses() })
        case .file(let path):
            let tree = try StoredTree.load(from: StreamFileSource(path: path), onto: base?.tree)
            return OpenedTree(tree: tree, volume: nil, path: .root, losses: { ReplayLosses() })
        case .directory(let path):
            guard FileManager.default.fileExists(atPath: path) else {
                throw SnapshotError(.notFound, "no such file or directory", place: path)
            }
            if let tree = try btrfsTree(path) {
                return OpenedTree(tree: tree, volume: nil, path: .root, losses: { ReplayLosses() })
            }
            let tree = try DirectoryTree(path: path, options: DirectoryTree.Options())
            return OpenedTree(tree: tree, volume: nil, path: .root, losses: { tree.losses })
        }
    }

    /// The read-only btrfs subvolume that has a directory for its root; nil where it is the root of none, or of one
    /// that is writable.
    private func btrfsTree(_ path: String) throws -> BtrfsTree? {
        guard let root = TreeOpener.subvolumeRoot(path), try Subvolume(of: root.descriptor).isReadOnly else {
            return nil
        }
        return try BtrfsTree(root: root, place: path)
    }

    /// A directory that is the root of a btrfs subvolume; nil for any other.
    private static func subvolumeRoot(_ path: String) -> SharedDescriptor? {
        guard let descriptor = try? Descriptor.open(path, flags: OpenFlags.readDirectory),
            (try? descriptor.isSubvolumeRoot()) == true
        else { return nil }
        return SharedDescriptor(descriptor)
    }

    /// What an address names as the base of a send: like ``tree(_:onto:)``, but nothing that can still change.
    package func base(_ address: String) throws -> OpenedTree {
        let opened = try tree(address)
        if case .head? = opened.volume?.name.part {
            throw SnapshotError(
                .invalidRequest, "a dataset changes and cannot be a base", place: address,
                remedy: "name a snapshot or a bookmark")
        }
        try requireReadOnly(opened, address)
        return opened
    }

    /// Refuses the root of a btrfs subvolume that is writable, which only opens as a plain directory.
    func requireReadOnly(_ opened: OpenedTree, _ address: String) throws {
        if opened.tree is DirectoryTree, TreeOpener.subvolumeRoot(address) != nil {
            throw BtrfsTree.writable(address)
        }
    }

    /// The snapshot that an address names, which must be one that can be sent: read-only, with its data.
    package func snapshot(_ address: String) throws -> OpenedTree {
        let opened = try tree(address)
        if let name = opened.volume?.name, name.part == .head {
            throw SnapshotError(
                .invalidRequest, "a dataset changes and cannot be sent", place: address,
                remedy: "take a snapshot of it and send that")
        }
        try requireReadOnly(opened, address)
        guard opened.tree.holdsData else {
            throw SnapshotError(
                .invalidRequest, "only the skeleton of a snapshot is here, without data", place: address,
                remedy: "a bookmark can only be the base of a send (-p)")
        }
        return opened
    }
}

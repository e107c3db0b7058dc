import SnapshotModel
import SystemCalls

extension Subvolume {
    /// Longer chains of snapshots of snapshots are followed no further: what is left out only makes a comparison
    /// read more.
    private static let longestLineage = 64

    /// What the subvolume was made from (``SnapshotIdentity/lineage``). Ends with the first ancestor that is gone:
    /// its UUID is known and no more.
    ///
    /// - Parameter directory: any of its file system.
    func lineage(in directory: SharedDescriptor) -> [SnapshotReference] {
        // One from before there were UUIDs.
        guard uuid != SnapshotUUID(high: 0, low: 0) else { return [] }
        let finder = SubvolumeFinder(in: directory)
        var steps = [SnapshotReference(uuid: uuid, generation: generation)]
        var current = self
        var shared = UInt64.max
        while steps.count < Subvolume.longestLineage, let parent = current.parentUUID,
            !steps.contains(where: { $0.uuid == parent })
        {
            shared = min(shared, current.creationGeneration)
            steps.append(SnapshotReference(uuid: parent, generation: shared))
            guard let found = try? finder.find(parent).first(where: { $0.subvolume.uuid == parent }) else { break }
            current = found.subvolume
        }
        return steps
    }
}

import SnapshotModel
import Testing

/// What snapshots prove to have in common.
struct LineageTests {
    private func uuid(_ number: UInt64) -> SnapshotUUID { SnapshotUUID(high: 7, low: number) }

    private func identity(_ steps: (UInt64, UInt64)...) -> SnapshotIdentity {
        var identity = SnapshotIdentity(name: "s", uuid: uuid(steps[0].0), generation: steps[0].1)
        identity.lineage = steps.map { SnapshotReference(uuid: uuid($0.0), generation: $0.1) }
        return identity
    }

    @Test func `two snapshots of one subvolume share what there was when the first was taken`() {
        let (one, two) = (identity((1, 10), (9, 10)), identity((2, 20), (9, 20)))
        #expect(one.generationShared(with: two) == 10)
        #expect(two.generationShared(with: one) == 10)
    }

    @Test func `a snapshot of a snapshot shares all of it`() {
        #expect(identity((1, 10)).generationShared(with: identity((2, 30), (1, 12), (9, 10))) == 10)
    }

    @Test func `a subvolume that was rolled back shares only what came before`() {
        // 3 was made of the snapshot 1 of 9; 9 went on, and 2 is of it.
        let (rolledBack, two) = (identity((4, 50), (3, 50), (1, 15), (9, 10)), identity((2, 40), (9, 40)))
        #expect(rolledBack.generationShared(with: two) == 10)
    }

    @Test func `strangers share nothing`() {
        #expect(identity((1, 10), (9, 10)).generationShared(with: identity((2, 20), (8, 20))) == 0)
        #expect(SnapshotIdentity(name: "s", uuid: uuid(1), generation: 4).generationShared(with: identity((1, 4))) == 0)
    }
}

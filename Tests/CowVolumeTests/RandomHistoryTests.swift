import CowVolume
import SnapshotModel
import SnapshotTesting
import Testing

@Suite struct RandomHistoryTests {
    /// A history of one volume: datasets with what they hold, and what snapshots and bookmarks should hold.
    private struct History {
        var heads: [String: VolumeModel] = [:]
        var snapshots: [String: (record: SnapshotRecord, model: VolumeModel)] = [:]
        var bookmarks: [String: VolumeModel] = [:]
        var origins: [String: String] = [:]
        var count = 0
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `after any history every tree holds what it should, counts add up, and nothing is left at the end`(
        seed: UInt64
    ) throws {
        var generator = SplitMix64(seed: seed)
        let place = try TemporaryVolume()
        var history = History()
        for round in 0..<32 {
            try advance(&history, place, &generator)
            try place.check("seed \(seed) round \(round)")
        }
        for (name, snapshot) in history.snapshots {
            try snapshot.model.compare(with: place.volume.tree(of: name), "seed \(seed) \(name)")
        }
        for (name, model) in history.bookmarks {
            try model.compare(with: place.volume.tree(of: name), "seed \(seed) \(name)")
        }
        try place.check(readingData: true, "seed \(seed)")
        // Bookmarks alone, as far as clones let their origins go.
        for name in history.snapshots.keys.sorted() where !history.origins.values.contains(name) {
            try place.volume.destroy(name)
            try place.check("seed \(seed) destroying \(name)")
        }
        for (name, model) in history.bookmarks {
            try model.compare(with: place.volume.tree(of: name), "seed \(seed) \(name)")
        }
        let datasets = try place.volume.datasets().map(\.name)
        // Clones first: they hold their origins.
        for name in datasets.sorted(by: >) {
            _ = try place.volume.destroy(name, recursive: true)
            try place.check("seed \(seed) destroying \(name)")
        }
        let summary = try place.check()
        #expect(summary.nodes == 0 && summary.extents == 0 && summary.segments == 0, "seed \(seed) \(summary)")
        #expect(try place.segmentBytes() == 0)
    }

    private func advance(
        _ history: inout History, _ place: TemporaryVolume, _ generator: inout SplitMix64
    ) throws {
        history.count += 1
        let count = history.count
        switch Int.random(in: 0..<13, using: &generator) {
        case 0..<4:
            let dataset = history.heads.keys.sorted().randomElement(using: &generator) ?? "a0"
            try receive(into: dataset, "s\(count)", &history, place, &generator)
        case 4:
            let name = "a\(count)"
            try receive(into: name, "s\(count)", &history, place, &generator)
        case 5:
            guard let source = history.snapshots.keys.sorted().randomElement(using: &generator) else { return }
            let name = "z\(100 + count)"
            try place.volume.clone(snapshot: source, to: name)
            history.heads[name] = history.snapshots[source]?.model
            history.origins[name] = source
        case 6, 7, 8:
            guard let source = history.snapshots.keys.sorted().randomElement(using: &generator) else { return }
            let name = String(source.prefix { $0 != "@" }) + "#b\(count)"
            try place.volume.makeBookmark(of: source, named: name)
            history.bookmarks[name] = history.snapshots[source]?.model
        case 9, 10, 11:
            guard let doomed = history.snapshots.keys.sorted().randomElement(using: &generator),
                !history.origins.values.contains(doomed)
            else { return }
            _ = try place.volume.destroy(doomed)
            history.snapshots[doomed] = nil
        default:
            guard let doomed = history.bookmarks.keys.sorted().randomElement(using: &generator) else { return }
            _ = try place.volume.destroy(doomed)
            history.bookmarks[doomed] = nil
        }
    }

    /// A receive on top of the newest snapshot, which is taken first where there is none at the head.
    private func receive(
        into dataset: String, _ name: String, _ history: inout History, _ place: TemporaryVolume,
        _ generator: inout SplitMix64
    ) throws {
        var base: SnapshotRecord?
        if let model = history.heads[dataset] {
            base = try place.volume.takeSnapshot(of: dataset, named: "base-\(name)")
            if let base { history.snapshots[base.name] = (base, model) }
        }
        let itself = SnapshotReference(uuid: .random(), generation: 9)
        var model = history.heads[dataset] ?? VolumeModel()
        var steps: [Instruction] = []
        for _ in 0..<Int.random(in: 1..<120, using: &generator) { steps += model.step(&generator, itself: itself) }
        let record = try place.receive(steps, into: dataset, as: name, base: base, from: itself)
        history.heads[dataset] = model
        history.snapshots[record.name] = (record, model)
    }
}

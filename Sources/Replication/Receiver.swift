import BtrfsAccess
import CowVolume
import DirectoryAccess
import Foundation
package import SnapshotModel

/// Where a stream is to be replayed, and how.
package struct ReceiveRequest: Sendable {
    /// A volume, a dataset in one (with `@NAME` to name the snapshot), or a directory.
    package var target: String
    /// Whether the directory itself is brought up to date, instead of making one in it.
    package var mirror = false
    /// Whether a dataset that has changed since the base is rolled back.
    package var force = false
    /// Whether what cannot be kept is an error.
    package var strict = false
    /// A directory in which the bases of subvolumes may lie, beside the target itself.
    package var rootMount: String?
    /// How many steps may fail before the whole does, where a subvolume is received; 0 for any number.
    package var maximumFailures: UInt64 = 1

    package init(target: String) {
        self.target = target
    }
}

/// A target that finds out, from the header of each snapshot, onto what the snapshot is replayed.
package final class Receiver: ReplayTarget {
    private enum Destination {
        case volume(Volume, VolumeName)
        case directory(DirectoryTarget)
    }

    private let request: ReceiveRequest
    private let destination: Destination
    private var current: (any ReplayTarget)?
    private var pastLosses = ReplayLosses()

    /// What was made of each snapshot: `DATASET@SNAPSHOT` or a path.
    package private(set) var received: [String] = []

    /// - Throws: ``SnapshotError`` where the target is none.
    package init(_ request: ReceiveRequest, opener: TreeOpener) throws {
        self.request = request
        switch try Address(request.target) {
        case .volume(let path, let name):
            guard !request.mirror else {
                throw SnapshotError(.invalidRequest, "only a directory can be a mirror", place: request.target)
            }
            try Receiver.requireWhole(request)
            destination = .volume(try opener.volume(at: path), name)
        case .file(let path):
            throw SnapshotError(
                .invalidRequest, "a file cannot receive", place: path, remedy: "name a volume or a directory")
        case .directory(let path):
            guard request.mirror || FileManager.default.fileExists(atPath: path) else {
                throw SnapshotError(
                    .notFound, "no such volume or directory", place: path,
                    remedy: "make it with 'cowpath create' or mkdir")
            }
            destination = .directory(try Receiver.directory(path, request))
        }
    }

    /// A directory that receives subvolumes where it can.
    private static func directory(_ path: String, _ request: ReceiveRequest) throws -> DirectoryTarget {
        guard request.mirror || !SubvolumeDestination.canReceive(into: path) else {
            return DirectoryTarget(
                destination: try SubvolumeDestination(
                    path: path, rootMount: request.rootMount, isStrict: request.strict,
                    maximumFailures: request.maximumFailures))
        }
        try requireWhole(request)
        return try DirectoryTarget(mode: request.mirror ? .mirror(path) : .snapshots(in: path), strict: request.strict)
    }

    /// Whether snapshots become subvolumes.
    package var makesSubvolumes: Bool { !request.mirror && SubvolumeDestination.canReceive(into: request.target) }

    /// Refuses to go on after a step that failed where that is not what a user of btrfs knows.
    private static func requireWhole(_ request: ReceiveRequest) throws {
        guard request.maximumFailures != 1 else { return }
        throw SnapshotError(
            .invalidRequest, "a snapshot is received whole or not at all", place: request.target,
            remedy: "leave out -E, which is for subvolumes")
    }

    package var accepts: ReplayCapabilities { .everything }

    package var losses: ReplayLosses {
        var all = pastLosses
        if let current { all.add(current.losses) }
        return all
    }

    package func begin(_ header: SnapshotHeader) throws {
        let target = try target(for: header)
        current = target
        try target.begin(header)
    }

    package func apply(_ instruction: Instruction) throws {
        try current?.apply(instruction)
    }

    package func apply(_ run: InstructionRun, done: inout Int) throws {
        guard let current else { return done = run.count }
        try current.apply(run, done: &done)
    }

    package func finish() throws {
        guard let current else { return }
        try current.finish()
        switch destination {
        case .volume:
            pastLosses.add(current.losses)
            if let snapshot = (current as? VolumeTarget)?.received { received.append(snapshot.name) }
            self.current = nil
        case .directory(let target):
            if let path = target.receivedPath { received.append(path) }
        }
    }

    package func abandon() {
        current?.abandon()
    }

    private func target(for header: SnapshotHeader) throws -> any ReplayTarget {
        switch destination {
        case .directory(let target):
            return target
        case .volume(let volume, let name):
            let snapshotName: String?
            switch name.part {
            case .head: snapshotName = nil
            case .snapshot(let part): snapshotName = part
            case .bookmark:
                throw SnapshotError(.invalidRequest, "a bookmark cannot be received into", place: request.target)
            }
            let options = VolumeTarget.Options(
                dataset: try name.dataset.isEmpty ? dataset(for: header, in: volume) : name.dataset,
                snapshotName: snapshotName, force: request.force, keepsReceivedUUID: true)
            return try volume.target(options)
        }
    }

    /// The dataset of a stream whose address names only the volume: that of its base, else the sender's name
    /// for it, else the snapshot's own name.
    private func dataset(for header: SnapshotHeader, in volume: Volume) throws -> String {
        if let base = header.base.reference,
            let record = try volume.snapshot(answeringTo: base.uuid, preferring: header.dataset)
        {
            return record.dataset
        }
        return header.dataset ?? header.name
    }
}

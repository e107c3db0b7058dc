package import SnapshotModel
package import SystemCalls

/// The records of the snapshots in a directory, in `.cowpath`: what of each is not in the snapshot itself.
package final class ReceivedRecords {
    /// A snapshot that is there, and what is known of it.
    package struct Found {
        package let root: SharedDescriptor
        /// Paths of inodes that could not be made.
        package let missing: Set<RelativePath>
    }

    private static let name = Array(".cowpath".utf8)

    private let directory: SharedDescriptor
    private let records: SharedDescriptor

    /// - Parameter makes: Whether to make the place of the records; without it, and where there is none, nothing
    ///   is opened.
    package init?(in directory: SharedDescriptor, makes: Bool) throws(SystemCallError) {
        self.directory = directory
        if makes {
            do throws(SystemCallError) {
                try directory.descriptor.makeDirectory(ReceivedRecords.name, mode: 0o755)
            } catch  where error.isExisting {}
        } else if (try? directory.descriptor.status(of: ReceivedRecords.name)) == nil {
            return nil
        }
        records = SharedDescriptor(
            try directory.descriptor.openDirectory(beneath: ReceivedRecords.name, flags: OpenFlags.readDirectory))
    }

    /// Checks that a snapshot can have a name in a directory of received ones.
    package static func checkName(
        _ name: String, in directory: borrowing Descriptor, _ path: String
    ) throws -> FileName {
        let checked = try FileName(validating: name.utf8)
        guard !checked.bytes.starts(with: ReceivedRecords.name) else {
            throw SnapshotError(.invalidName, "names that begin with '.cowpath' are taken", place: name)
        }
        if (try? directory.status(of: checked.bytes)) != nil {
            throw SnapshotError(
                .alreadyExists, "there is something of this name already", place: "\(path)/\(checked)",
                remedy: "remove or rename it")
        }
        return checked
    }

    /// Removes the records that were being written when a receive was killed.
    package func removeLeftovers() throws {
        try locked {
            for name in try records.descriptor.names(where: { $0.ends(with: RecordFile.unfinishedSuffix) }) {
                try records.descriptor.unlink(name)
            }
        }
    }

    /// The snapshot that a stream names by one of its UUIDs, if its directory is still there.
    package func find(_ uuid: SnapshotUUID) throws -> Found? {
        for name in try recordNames() {
            // A record that is damaged says nothing of the others.
            guard let record = (try? RecordFile.read(name, in: records.descriptor)) ?? nil,
                record.identity.answers(to: uuid),
                let root = try? directory.descriptor.open(
                    Array(record.identity.name.utf8), flags: OpenFlags.readDirectory)
            else { continue }
            return Found(root: SharedDescriptor(root), missing: record.missing)
        }
        return nil
    }

    /// Writes the record of a snapshot and has it given its name.
    ///
    /// - Parameter publish: gives the name; what it throws takes the record back.
    package func publish(
        _ identity: SnapshotIdentity, missing: Set<RelativePath>,
        _ publish: () throws(SystemCallError) -> Void
    ) throws {
        let record = SnapshotRecord(identity: identity, missing: missing)
        let recordName = Array("\(identity.uuid).json".utf8)
        try locked {
            try forgetFormer(Array(identity.name.utf8))
            // The record first: one without a directory is passed over, a directory without one is lost as a base.
            try RecordFile.write(record, as: recordName, in: records.descriptor)
            do throws(SystemCallError) {
                try publish()
            } catch {
                try? records.descriptor.unlink(recordName)
                throw error
            }
        }
    }

    /// Removes the records of snapshots that had this name once, so that none of them is taken for the new one.
    private func forgetFormer(_ name: [UInt8]) throws {
        guard (try? directory.descriptor.status(of: name)) == nil else { return }
        for recordName in try recordNames() {
            guard let record = (try? RecordFile.read(recordName, in: records.descriptor)) ?? nil,
                Array(record.identity.name.utf8) == name
            else { continue }
            try records.descriptor.unlink(recordName)
        }
    }

    private func recordNames() throws -> [[UInt8]] {
        try records.descriptor.names { $0.ends(with: ".json") }
    }

    /// Holds the lock under which records are written and removed.
    private func locked(_ body: () throws -> Void) throws {
        let lock = try directory.descriptor.openDirectory(
            beneath: ReceivedRecords.name, flags: OpenFlags.readDirectory)
        try lock.lock()
        try body()
        // Until here, and no longer: the lock goes when the descriptor does.
        _ = consume lock
    }
}

extension SnapshotIdentity {
    /// By what a snapshot is known where it is received.
    package init(receiving header: SnapshotHeader, uuid: SnapshotUUID) {
        self.init(
            name: header.name, uuid: uuid, generation: header.snapshot.generation,
            receivedUUID: header.snapshot.uuid, receivedGeneration: header.snapshot.generation,
            created: header.created)
    }
}

extension [UInt8] {
    fileprivate func ends(with suffix: StaticString) -> Bool {
        let suffix = Array(suffix.description.utf8)
        return self.suffix(suffix.count).elementsEqual(suffix)
    }
}

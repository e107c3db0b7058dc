import SnapshotModel

/// What is kept beside a received directory: by what its snapshot is known.
struct SnapshotRecord: Equatable {
    /// What a mirror holds.
    enum State: String {
        /// The snapshot, whole.
        case complete
        /// Nothing that could be relied on: a full stream is being received, or was cut.
        case filling
        /// Neither the old snapshot nor the new one: an incremental stream is being received, or was cut.
        case changing
    }

    var identity: SnapshotIdentity
    var state = State.complete
    /// Paths of inodes that could not be made, so that later streams may speak of them.
    var missing: Set<RelativePath> = []

    /// The largest record that is read: enough for some hundred thousand missing paths.
    static let maximumLength = 16 << 20

    private static let version: UInt64 = 1

    /// The record as a JSON object and a line's end.
    var bytes: [UInt8] {
        var json = FlatJSON()
        json["version"] = .number(SnapshotRecord.version)
        json["state"] = .text(state.rawValue)
        json["name"] = .text(identity.name)
        json["uuid"] = .text(identity.uuid.description)
        json["generation"] = .number(identity.generation)
        if let uuid = identity.receivedUUID { json["receivedUUID"] = .text(uuid.description) }
        if let generation = identity.receivedGeneration { json["receivedGeneration"] = .number(generation) }
        json["createdSeconds"] = .text(String(identity.created.seconds))
        json["createdNanoseconds"] = .number(UInt64(identity.created.nanoseconds))
        // Paths are bytes, which JSON cannot hold.
        json["missing"] = .text(missing.sorted().map { Hexadecimal.text($0.bytes) }.joined(separator: ","))
        return json.bytes
    }

    init(identity: SnapshotIdentity, state: State = .complete, missing: Set<RelativePath> = []) {
        self.identity = identity
        self.state = state
        self.missing = missing
    }

    /// Reads a record.
    ///
    /// - Throws: ``SnapshotError/Code/corrupt`` for anything that ``bytes`` cannot have made.
    init(parsing bytes: [UInt8]) throws(SnapshotError) {
        let json = try FlatJSON(parsing: bytes)
        guard json.number("version") == SnapshotRecord.version,
            let state = json.text("state").flatMap({ State(rawValue: $0) }),
            let name = json.text("name"),
            let uuid = json.text("uuid").flatMap({ SnapshotUUID($0) }),
            let generation = json.number("generation"),
            let seconds = json.text("createdSeconds").flatMap({ Int64($0) }),
            let nanoseconds = json.number("createdNanoseconds").flatMap({ UInt32(exactly: $0) }),
            nanoseconds < 1_000_000_000
        else {
            throw SnapshotError(.corrupt, "this is no record of a received snapshot")
        }
        _ = try FileName(validating: name.utf8)
        var missing: Set<RelativePath> = []
        for text in (json.text("missing") ?? "").split(separator: ",") {
            guard let bytes = Hexadecimal.bytes(text) else {
                throw SnapshotError(.corrupt, "a record of a received snapshot has a damaged path")
            }
            missing.insert(try RelativePath(validating: bytes))
        }
        self.missing = missing
        self.state = state
        identity = SnapshotIdentity(
            name: name, uuid: uuid, generation: generation,
            receivedUUID: json.text("receivedUUID").flatMap { SnapshotUUID($0) },
            receivedGeneration: json.number("receivedGeneration"),
            created: Timestamp(seconds: seconds, nanoseconds: nanoseconds))
    }
}

/// Bytes as text of two digits each.
enum Hexadecimal {
    static func text(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in text.utf8 {
            guard let value = Character(Unicode.Scalar(digit)).hexDigitValue.map({ UInt8($0) }) else { return nil }
            if let left = high {
                bytes.append(left << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }
}

import Foundation
import SnapshotModel

/// The JSON object that is a snapshot's header frame. Unknown keys are ignored.
struct HeaderDocument: Codable {
    /// The largest header in bytes: room for some thousand clone sources.
    static let maximumLength = 1 << 20

    struct Reference: Codable {
        var uuid: String
        var generation: UInt64

        init(_ reference: SnapshotReference) {
            uuid = reference.uuid.description
            generation = reference.generation
        }
    }

    struct Base: Codable {
        /// `parent` or `bookmark`
        var kind: String
        var uuid: String
        var generation: UInt64
    }

    struct Created: Codable {
        var seconds: Int64
        var nanoseconds: UInt32
    }

    struct Expected: Codable {
        var inodes: UInt64
        var instructions: UInt64
        var bytes: UInt64
    }

    var name: String
    /// The dataset that the snapshot is of: names joined by `/`.
    var dataset: String?
    var uuid: String
    var generation: UInt64
    var created: Created?
    var base: Base?
    var cloneSources: [Reference]?
    var bookmark: Bool?
    var withoutData: Bool?
    var domain: String?
    var lineage: [Reference]?
    var expected: Expected?
    /// What the encoder was told, for people: codec, level and frame size.
    var encoder: String?

    init(_ header: SnapshotHeader, encoder: String) {
        name = header.name
        dataset = header.dataset
        uuid = header.snapshot.uuid.description
        generation = header.snapshot.generation
        created = Created(seconds: header.created.seconds, nanoseconds: header.created.nanoseconds)
        switch header.base {
        case .none: break
        case .parent(let reference):
            base = Base(kind: "parent", uuid: reference.uuid.description, generation: reference.generation)
        case .bookmark(let reference):
            base = Base(kind: "bookmark", uuid: reference.uuid.description, generation: reference.generation)
        }
        if !header.cloneSources.isEmpty { cloneSources = header.cloneSources.map { Reference($0) } }
        if header.isBookmark { bookmark = true }
        if header.withoutData { withoutData = true }
        domain = header.domain?.description
        if !header.lineage.isEmpty { lineage = header.lineage.map { Reference($0) } }
        expected = header.expected.map {
            Expected(inodes: $0.inodes, instructions: $0.instructions, bytes: $0.bytes)
        }
        self.encoder = encoder
    }

    /// The object in its one form: keys sorted, no spaces.
    func bytes() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = [UInt8](try encoder.encode(self))
        guard bytes.count <= HeaderDocument.maximumLength else {
            throw SnapshotError(
                .limitExceeded, "the header of a snapshot has \(bytes.count) bytes", place: name,
                remedy: "name fewer clone sources")
        }
        return bytes
    }

    /// - Throws: ``SnapshotError`` where the bytes are no such object, or say what cannot be.
    static func header(parsing bytes: ArraySlice<UInt8>, at offset: UInt64) throws(SnapshotError) -> SnapshotHeader {
        guard bytes.count <= maximumLength else {
            throw SnapshotError(
                .limitExceeded, "the header of a snapshot has \(bytes.count) bytes, more than \(maximumLength)",
                place: "at byte \(offset) of the stream")
        }
        let document: HeaderDocument
        do {
            document = try JSONDecoder().decode(HeaderDocument.self, from: Data(bytes))
        } catch {
            throw .corruptStream("the header of a snapshot \(fault(error))", at: offset)
        }
        return try document.header(at: offset)
    }

    /// What is wrong with a document, in words of the format.
    private static func fault(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "lacks '\(key.stringValue)'"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "has something else in '\(path(context))' than it must"
        case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
            "has a value in '\(path(context))' that cannot be"
        default: "is no JSON object"
        }
    }

    private static func path(_ context: DecodingError.Context) -> String {
        EscapedBytes.excerpt(context.codingPath.map(\.stringValue).joined(separator: ".").utf8)
    }

    private func header(at offset: UInt64) throws(SnapshotError) -> SnapshotHeader {
        guard (try? FileName(validating: name.utf8)) != nil else {
            throw SnapshotError(
                .invalidName, "the name of a snapshot must be one path component",
                place: "'\(EscapedBytes.excerpt(name.utf8))' at byte \(offset) of the stream")
        }
        guard dataset.map({ (try? RelativePath(validating: $0.utf8)) != nil && !$0.isEmpty }) ?? true else {
            throw SnapshotError(
                .invalidName, "the name of a dataset must be names joined by '/'",
                place: "at byte \(offset) of the stream")
        }
        guard (created?.nanoseconds ?? 0) <= 999_999_999 else {
            throw .corruptStream("a snapshot's time has too many nanoseconds", at: offset)
        }
        var header = SnapshotHeader(
            name: name, dataset: dataset, snapshot: try reference(uuid, generation, at: offset))
        header.created = created.map { Timestamp(seconds: $0.seconds, nanoseconds: $0.nanoseconds) } ?? .epoch
        if let base {
            let reference = try reference(base.uuid, base.generation, at: offset)
            switch base.kind {
            case "parent": header.base = .parent(reference)
            case "bookmark": header.base = .bookmark(reference)
            default: throw .corruptStream("the base of a snapshot is of unknown kind", at: offset)
            }
        }
        for source in cloneSources ?? [] {
            header.cloneSources.append(try reference(source.uuid, source.generation, at: offset))
        }
        header.isBookmark = bookmark ?? false
        header.withoutData = withoutData ?? false
        for step in lineage ?? [] {
            header.lineage.append(try reference(step.uuid, step.generation, at: offset))
        }
        if let domain { header.domain = try reference(domain, 0, at: offset).uuid }
        header.expected = expected.map {
            SnapshotTotals(inodes: $0.inodes, instructions: $0.instructions, bytes: $0.bytes)
        }
        return header
    }

    private func reference(
        _ text: String, _ generation: UInt64, at offset: UInt64
    ) throws(SnapshotError) -> SnapshotReference {
        guard let uuid = SnapshotUUID(text) else {
            throw .corruptStream("the header of a snapshot has a UUID that is none", at: offset)
        }
        return SnapshotReference(uuid: uuid, generation: generation)
    }
}

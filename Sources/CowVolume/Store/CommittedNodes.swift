import Codecs
import Foundation
import GRDB
import SnapshotModel

/// Nodes as they were committed, read through one connection and kept for a while.
final class CommittedNodes: NodeSource {
    private let reader: any DatabaseReader
    let cache: NodeCache
    /// The leaf in which something was found last: questions about one inode come together.
    private var lastLeaf: (root: NodeID, leaf: Node)?
    /// The connection of a transaction that is open, through which nodes must then be read.
    var transaction: Database?
    /// How many nodes were read from the database.
    private(set) var reads = 0

    /// - Parameters:
    ///   - reader: a pool, for the latest commit; a snapshot, for always the same one.
    ///   - cache: where nodes are kept; nil for a cache of its own.
    init(_ reader: any DatabaseReader, cache: NodeCache? = nil) {
        self.cache = cache ?? NodeCache(capacity: NodeCache.defaultCapacity)
        self.reader = reader
    }

    func node(_ id: NodeID) throws -> Node {
        if let node = cache.find(id) { return node }
        reads += 1
        let node =
            if let transaction {
                try CommittedNodes.load(id, transaction)
            } else {
                try VolumeStore.guarded(reader.path) { try reader.unsafeRead { try CommittedNodes.load(id, $0) } }
            }
        cache.insert(node)
        return node
    }

    /// The value under a key; nil where there is none. Committed trees never change, so that what lies between the
    /// ends of a leaf can only be there.
    func find(_ key: ItemKey, root: NodeID) throws -> ArraySlice<UInt8>? {
        if let (lastRoot, leaf) = lastLeaf, lastRoot == root, leaf.items.span(key) {
            return leaf.value(of: key)
        }
        let leaf = try leaf(for: key, root: root)
        lastLeaf = (root, leaf)
        return leaf.value(of: key)
    }

    /// Keeps a node that was just committed: it changes no more.
    func keep(_ node: Node) {
        node.items.trim()
        cache.insert(node)
    }

    /// Reads a node and checks it.
    static func load(_ id: NodeID, _ database: Database) throws -> Node {
        do {
            let find = try DirectStatement(database, "SELECT level, crc, data FROM nodes WHERE id = ?")
            try find.set(1, try stored(id.rawValue))
            let row = try find.first { (level: try $0.integer(0), crc: try $0.integer(1), data: try $0.blob(2)) }
            guard let row else { throw SnapshotError(.corrupt, "a node is missing") }
            guard Int64(CRC32C.checksum(row.data[...])) == row.crc else {
                throw SnapshotError(.corrupt, "a node's checksum is wrong")
            }
            let bytes = try Zstd.decompress(row.data[...], limit: Node.maximumEncodedSize)
            let node = try Node(parsing: bytes, id: id)
            guard Int64(node.level) == row.level else {
                throw SnapshotError(.corrupt, "a node has the wrong level")
            }
            return node
        } catch var error as SnapshotError {
            error.place = "node \(id.rawValue)" + (error.place.map { ", \($0)" } ?? "")
            throw error
        } catch let error as CodecError {
            throw SnapshotError(.corrupt, "a node cannot be decompressed", place: "node \(id.rawValue)", cause: error)
        }
    }
}

/// A node in the form in which it is stored.
struct PackedNode: Sendable {
    let id: NodeID
    let level: UInt8
    let data: [UInt8]
    let crc: UInt32

    init(id: NodeID, level: UInt8, packing encoded: [UInt8]) throws {
        self.id = id
        self.level = level
        do {
            data = try Zstd.compress(encoded[...], level: 1)
        } catch {
            throw SnapshotError(.system, "a node cannot be compressed", cause: error)
        }
        crc = CRC32C.checksum(data[...])
    }
}

/// The state of a dataset, by which it is seen whether it has changed.
package struct HeadPosition: Hashable, Sendable {
    private let node: NodeID
    private let generation: UInt64

    init(_ record: RootRecord) {
        node = record.node
        generation = record.generation
    }
}

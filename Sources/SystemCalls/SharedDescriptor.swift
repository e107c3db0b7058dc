/// A descriptor with several holders, such as a cache and who uses it now; closed when the last lets go.
package final class SharedDescriptor: Sendable {
    package let descriptor: Descriptor

    package init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }
}

import Dispatch
import SnapshotModel
import Synchronization
import SystemCalls

/// The descriptors that libdispatch has for itself.
///
/// It opens them with its first thread, which GRDB has started when it closes a connection, and ends the process where
/// there are none left. So they are opened with the first volume, where their lack is an error like any other.
enum DispatchDescriptors {
    /// For epoll(7), eventfd(2) and timerfd_create(2).
    private static let count = 3
    private static let areOpen = Mutex(false)

    /// - Parameter place: what is being opened.
    static func open(for place: String) throws(SnapshotError) {
        try areOpen.withLock { areOpen throws(SnapshotError) in
            guard !areOpen else { return }
            do throws(SystemCallError) {
                var spare: [SharedDescriptor] = []
                for _ in 0..<count {
                    spare.append(SharedDescriptor(try Descriptor.open("/dev/null", flags: OpenFlags.read)))
                }
            } catch {
                throw SnapshotError(
                    .system, "the volume cannot be opened", place: place, remedy: error.remedy, cause: error)
            }
            let isDone = DispatchSemaphore(value: 0)
            // What waits for a timer needs all of them.
            DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(1)) { isDone.signal() }
            isDone.wait()
            areOpen = true
        }
    }
}

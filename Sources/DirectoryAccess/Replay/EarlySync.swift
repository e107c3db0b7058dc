import SnapshotModel
import SystemCalls
import Workers

/// Has disks write while a replay goes on, so that little is left to wait for where all is made durable in the end.
///
/// Every ``interval`` bytes one file that is finished is made durable on a thread of its own. The file system has the
/// disk empty its cache for that, whoever wrote what is in it; for an image or a virtual disk that cache is the memory
/// of its host, which would else keep all until the end.
final class EarlySync {
    /// Little enough that it is soon on the disk, and much enough that the disk is seldom asked; from 64 to 512 MiB the
    /// time of a receive is the same within the noise.
    private static let interval = 128 << 20

    private lazy var pipeline = OrderedPipeline<Void>(pool: WorkerPool(threads: 1), window: 1) {}
    private var written = 0

    /// Notes that so many bytes were written.
    ///
    /// - Parameter file: one that is finished, if there is one: whoever writes to a file waits while it is made durable.
    /// - Throws: ``SnapshotError`` where what was written before could not be made durable.
    func wrote(_ count: Int, upTo file: (opened: SharedDescriptor, path: RelativePath)?) throws {
        written += count
        guard written >= EarlySync.interval, let file else { return }
        written = 0
        try pipeline.submit {
            do throws(SystemCallError) {
                try file.opened.descriptor.sync()
            } catch {
                throw SnapshotError.replaying(error, at: file.path)
            }
        }
    }

    /// Waits for what is in work.
    func finish() throws { try pipeline.drain() }

    /// Waits for what is in work, whatever comes of it.
    func abandon() { pipeline.cancel() }
}

import DequeModule
import Foundation

/// Threads that run blocking or computing jobs, first come, first served.
///
/// The threads are of the pool alone: jobs may block on I/O without holding up Swift concurrency.
package final class WorkerPool: Sendable {
    /// One thread per core that the process may use.
    package static let shared = WorkerPool(threads: ProcessInfo.processInfo.activeProcessorCount)

    /// 2 MiB: zstd and the formatter of errors fit, deep recursion does not belong here.
    private static let stackSize = 2 << 20

    private let queue: JobQueue

    /// How many threads the pool has.
    package let threadCount: Int

    package init(threads: Int) {
        let queue = JobQueue()
        self.queue = queue
        threadCount = max(1, threads)
        for _ in 0..<threadCount {
            let thread = Thread {
                WorkerPool.giveWay()
                while let job = queue.next() { job() }
            }
            thread.stackSize = WorkerPool.stackSize
            thread.name = "cowpath-worker"
            thread.start()
        }
    }

    deinit {
        queue.close()
    }

    /// Keeps the calling thread from interrupting others whenever it is woken for a job: who hands out the jobs is mostly
    /// the one for which all wait. What the user has chosen for the process stays; where it is refused, all goes on as
    /// before.
    private static func giveWay() {
        // `SCHED_OTHER` and `SCHED_BATCH`, which have the priority 0 (sched(7)).
        let (other, batch): (Int32, Int32) = (0, 3)
        guard sched_getscheduler(0) == other else { return }
        var parameters = sched_param()
        _ = unsafe sched_setscheduler(0, batch, &parameters)
    }

    /// Runs `job` on one of the threads.
    package func submit(_ job: @escaping @Sendable () -> Void) {
        queue.add(job)
    }
}

/// The jobs that wait for a thread. `@unchecked`: every access holds the condition's lock.
private final class JobQueue: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: Deque<@Sendable () -> Void> = []
    private var isClosed = false

    func add(_ job: @escaping @Sendable () -> Void) {
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }

    /// The oldest job, waited for; nil once the queue is closed and empty.
    func next() -> (@Sendable () -> Void)? {
        condition.withLock {
            while true {
                if let job = jobs.popFirst() { return job }
                if isClosed { return nil }
                condition.wait()
            }
        }
    }
}

extension NSCondition {
    fileprivate func withLock<Result>(_ body: () -> Result) -> Result {
        lock()
        defer { unlock() }
        return body()
    }
}

import Glibc

/// The time of day.
package enum WallClock {
    /// Seconds since 1970-01-01 UTC, and nanoseconds after them.
    package static func now() -> FileStatus.Instant {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return FileStatus.Instant(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    }
}

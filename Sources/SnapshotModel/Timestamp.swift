/// An instant: whole seconds since 1970-01-01 UTC, rounded down, and nanoseconds after them.
package struct Timestamp: Hashable, Sendable {
    /// Seconds since the epoch; negative before it.
    package var seconds: Int64
    /// 0 to 999,999,999, always forward from ``seconds``.
    package var nanoseconds: UInt32

    package init(seconds: Int64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// The epoch itself.
    package static let epoch = Timestamp(seconds: 0, nanoseconds: 0)
}

extension Timestamp: Comparable {
    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC, with nine digits of fraction where the fraction is not zero.
    ///
    /// The date is found by the civil-from-days arithmetic of the proleptic Gregorian calendar.
    package var description: String {
        let wholeDays = seconds / 86_400 - (seconds % 86_400 < 0 ? 1 : 0)
        let second = (seconds % 86_400 + 86_400) % 86_400
        // Eras of 400 years begin on 0000-03-01, 719,468 days before the epoch.
        let shifted = wholeDays + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let fraction = nanoseconds == 0 ? "" : "." + padded(Int64(nanoseconds), 9)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
            + "T\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))\(fraction)Z"
    }

    private func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number.magnitude)
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

import SystemCalls

/// The entries of a directory with what the kernel tells of each, read in one go; on any thread.
struct DirectoryListing: Sendable {
    struct Entry: Sendable {
        let listed: ListedEntry
        /// Nil where it could not be had, or is to be asked for when it is needed.
        let status: FileStatus?
    }

    /// By name, in byte order: put in order here, where it is done beside whoever reads ahead.
    let entries: [Entry]

    /// Directories with more entries do without a status for each: some 600 KiB.
    static let maximumStatuses = 4096

    init(reading directory: borrowing Descriptor) throws(SystemCallError) {
        try directory.rewind()
        let listed = try directory.entries().sorted { $0.name.lexicographicallyPrecedes($1.name) }
        var entries: [Entry] = []
        entries.reserveCapacity(listed.count)
        for entry in listed {
            let status = listed.count > DirectoryListing.maximumStatuses ? nil : try? directory.status(of: entry.name)
            entries.append(Entry(listed: entry, status: status))
        }
        self.entries = entries
    }
}

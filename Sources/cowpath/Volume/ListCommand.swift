import ArgumentParser
import CowVolume
import Replication
import SnapshotModel

/// `cowpath list VOLUME[/DATASET]`
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the datasets, snapshots and bookmarks of a volume.")

    @Argument(help: "VOLUME, or VOLUME/DATASET for that dataset alone.")
    var address: String

    @Option(name: .shortAndLong, help: "Which to list, separated by commas: dataset, snapshot, bookmark or all.")
    var type = "all"

    @Option(
        name: .short, help: "Which columns to print: name, type, uuid, received, created, generation, inodes, bytes.")
    var output = "name,created,inodes,bytes"

    @Flag(name: [.customShort("H")], help: "No header, and tabs between the columns.")
    var headerless = false

    @OptionGroup var format: JSONOption

    func run() throws {
        let (volume, name) = try TreeOpener().volumeName(address)
        let kinds = Set(type.split(separator: ",").map(String.init))
        guard kinds.isSubset(of: ["all", "dataset", "snapshot", "bookmark"]) else {
            throw ValidationError("'\(type)' is no list of dataset, snapshot, bookmark or all")
        }
        let rows = try Listing.rows(of: volume, dataset: name.dataset.isEmpty ? nil : name.dataset)
            .filter { kinds.contains("all") || kinds.contains($0.type) }
        if format.json {
            for row in rows { try JSONLines.print(row) }
        } else {
            try Terminal.write(table(rows))
        }
    }

    private func table(_ rows: [Listing.Row]) throws -> String {
        let columns = output.split(separator: ",").map(String.init)
        let cells = try rows.map { row in
            try columns.map { column in
                guard let cell = row.cell(column) else { throw ValidationError("'\(column)' is no column") }
                return cell
            }
        }
        if headerless { return cells.map { $0.joined(separator: "\t") + "\n" }.joined() }
        let lines = [columns.map { $0.uppercased() }] + cells
        let widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            let padded = zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return padded.joined(separator: "  ").trimmingSuffix(while: { $0 == " " }) + "\n"
        }.joined()
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        var text = self
        while let last = text.last, predicate(last) { text.removeLast() }
        return text
    }
}

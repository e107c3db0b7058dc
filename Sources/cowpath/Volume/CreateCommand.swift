import ArgumentParser
import CowVolume

/// `cowpath create VOLUME`
struct CreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make an empty volume in a directory that is empty or not there yet.")

    @Argument(help: "The directory.", completion: .directory)
    var volume: String

    func run() throws {
        _ = try Volume.create(at: volume)
    }
}

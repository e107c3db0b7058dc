// swift-tools-version:6.2
import PackageDescription

// Every module may depend only on those that ARCHITECTURE.md draws below it.
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let ground: [Target.Dependency] = ["SystemCalls", "Codecs", "Workers", systemPackage]
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")

// Finding libraries and binding to them is a third of the time that the program takes to start. Tests need it.
// A position-independent one, since it reads what strangers send.
let linking: [LinkerSetting] =
    Context.environment["COWPATH_STATIC"] == nil
    ? []
    : [
        .unsafeFlags(["-static-executable", "-use-ld=lld", "-Xclang-linker", "-static-pie"])
    ]

let package = Package(
    name: "cowpath",
    products: [
        .executable(name: "cowpath", targets: ["cowpath"]),
        // For the package in Fuzz, which builds it with instrumentation.
        .library(name: "FuzzTargets", targets: ["FuzzTargets"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // The program.
        .executableTarget(
            name: "cowpath",
            dependencies: [
                "Replication", "SendStream", "SnapshotDiff", "CowVolume", "DirectoryAccess", "BtrfsAccess",
                "SnapshotModel",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ] + ground,
            linkerSettings: linking),
        .target(
            name: "Replication",
            dependencies: [
                "SendStream", "SnapshotDiff", "CowVolume", "DirectoryAccess", "BtrfsAccess", "SnapshotModel",
                .product(name: "Logging", package: "swift-log"),
            ] + ground),

        // The two ends and what lies between them.
        .target(name: "SendStream", dependencies: ["SnapshotModel", crypto] + ground),
        .target(name: "SnapshotDiff", dependencies: ["SnapshotModel"]),
        .target(
            name: "CowVolume",
            dependencies: [
                "SnapshotModel", crypto,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ] + ground),
        .target(name: "DirectoryAccess", dependencies: ["SnapshotModel"] + ground),
        .target(name: "BtrfsAccess", dependencies: ["DirectoryAccess", "SnapshotModel", "CBtrfs", crypto] + ground),
        .target(name: "SnapshotModel"),

        // The ground.
        .target(name: "SystemCalls", dependencies: ["CLinux", systemPackage]),
        .target(name: "Codecs", dependencies: ["CZstd", "CZlib", "CChecksum"]),
        .target(
            name: "Workers", dependencies: [.product(name: "DequeModule", package: "swift-collections")]),

        // Doors to C.
        .target(name: "CLinux"),
        .target(name: "CChecksum"),
        .target(name: "CBtrfs"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Tests.
        .target(
            name: "SnapshotTesting",
            dependencies: ["SnapshotDiff", "SnapshotModel", "Codecs"],
            path: "Tests/SnapshotTesting"),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Replication", "SendStream", "SnapshotDiff", "CowVolume", "DirectoryAccess", "BtrfsAccess",
                "SnapshotTesting", "SnapshotModel", crypto, .product(name: "GRDB", package: "GRDB.swift"),
            ] + ground,
            path: "Tests/FuzzTargets"),
        .testTarget(name: "FuzzTargetsTests", dependencies: ["FuzzTargets", "SnapshotTesting"], exclude: ["Found"]),
        .testTarget(name: "SnapshotModelTests", dependencies: ["SnapshotModel"]),
        .testTarget(name: "SystemCallsTests", dependencies: ["SystemCalls", systemPackage]),
        .testTarget(name: "CodecsTests", dependencies: ["Codecs"]),
        .testTarget(name: "WorkersTests", dependencies: ["Workers"]),
        .testTarget(
            name: "SendStreamTests", dependencies: ["SendStream", "Codecs", "SnapshotTesting", "SnapshotModel"]),
        .testTarget(name: "SnapshotDiffTests", dependencies: ["SnapshotDiff", "SnapshotTesting", "SnapshotModel"]),
        .testTarget(
            name: "CowVolumeTests",
            dependencies: [
                "CowVolume", "SnapshotTesting", "SnapshotModel", .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        .testTarget(
            name: "DirectoryAccessTests", dependencies: ["DirectoryAccess", "SnapshotTesting", "SnapshotModel"]),
        .testTarget(
            name: "BtrfsAccessTests",
            dependencies: ["BtrfsAccess", "DirectoryAccess", "SnapshotDiff", "SnapshotTesting", "SnapshotModel"]
                + ground),
        .testTarget(name: "CommandLineTests", dependencies: ["cowpath", "Replication", "SnapshotModel"]),
        .testTarget(
            name: "ReplicationTests",
            dependencies: [
                "Replication", "SendStream", "SnapshotDiff", "CowVolume", "DirectoryAccess", "BtrfsAccess",
                "SnapshotTesting",
                "SnapshotModel", "Codecs", crypto, .product(name: "Logging", package: "swift-log"),
            ]),
    ]
)

for target in package.targets where target.type != .system {
    var settings = target.swiftSettings ?? []
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    settings.append(.enableUpcomingFeature("ExistentialAny"))
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    settings.append(.enableUpcomingFeature("InternalImportsByDefault"))
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    settings.append(.enableUpcomingFeature("MemberImportVisibility"))
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0461-async-function-isolation.md
    settings.append(.enableUpcomingFeature("NonisolatedNonsendingByDefault"))
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0458-strict-memory-safety.md
    settings.append(.strictMemorySafety())
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0480-swiftpm-warning-control.md
    settings.append(.treatAllWarnings(as: .error))
    target.swiftSettings = settings
}

import ArgumentParser

@main
struct Cowpath: ParsableCommand {}

"""Results as Markdown that can be read in a terminal, too."""

MIB = 1 << 20
# Commands shorter than this are shown in milliseconds.
SHORT = 0.2


def seconds(value):
    return f"{value * 1000:.1f} ms" if value < SHORT else f"{value:.2f} s"


def amount(value, measure):
    if measure == "seconds":
        return seconds(value)
    if measure == "per inode":
        return f"{value:.1f} bytes"
    return f"{value / MIB:,.1f} MiB" if value >= MIB else f"{value / 1024:.0f} KiB"


def peak(side):
    """Of a pipe, of each process."""
    return " + ".join(f"{value / MIB:.0f}" for value in side["peaks"])


def target(row):
    if "at_most" not in row:
        return ""
    if "ratio" in row:
        return f"≤ {row['at_most']:.2f}".rstrip("0").rstrip(".") + " ×"
    limit = row["at_most"]
    if row["measure"] == "per inode":
        return f"≤ {limit} bytes"
    return f"≤ {limit * 1000:.0f} ms" if row["measure"] == "seconds" else f"≤ {limit / MIB:.0f} MiB"


def cells(row):
    ours, peer = row["ours"], row.get("peer")
    timed = row["measure"] == "seconds"
    theirs = ""
    if peer:
        name = peer["label"] if peer["tool"] == "cowpath" else peer["tool"]
        theirs = f"{name} {amount(peer['value'], row['measure'])}"
    return [row["what"], amount(ours["value"], row["measure"]), theirs, f"{row['ratio']:.2f} ×" if peer else "",
            target(row), {True: "met", False: "MISSED", None: ""}[row.get("met")],
            peak(ours) if timed else "", peak(peer) if timed and peer else ""]


def grid(head, alignment, lines):
    widths = [max(len(line[n]) for line in [head, *lines]) for n in range(len(head))]

    def shown(line):
        padded = (cell.rjust(width) if side == "r" else cell.ljust(width)
                  for cell, width, side in zip(line, widths, alignment))
        return "| " + " | ".join(padded) + " |"

    rules = ("-" * (width + 1) + (":" if side == "r" else "-") for width, side in zip(widths, alignment))
    rule = "|" + "|".join(rules) + "|"
    return [shown(head), rule, *map(shown, lines)]


def commands(rows):
    """Every command once, with what it is for."""
    found, times = {}, {}
    for row in rows:
        for side in (row["ours"], row.get("peer", {})):
            if "command" in side:
                found.setdefault(side["command"], [])
                times[side["command"]] = len(side["all_seconds"])
                if row["what"] not in found[side["command"]]:
                    found[side["command"]].append(row["what"])
    return [f"- `{command}` ({'once' if times[command] == 1 else f'{times[command]} times'}): {'; '.join(whats)}"
            for command, whats in found.items()]


def render(results):
    host = results["machine"]
    versions = ", ".join(f"{tool} {version}" for tool, version in results["versions"].items())
    runs = "one run" if results["runs"] == 1 else f"{results['runs']} runs"
    warm = ("Warm cache: whatever a command reads was read just before it. All that was written before is on disk "
            "when it starts." if results["cache"] == "warm" else "Cold cache: dropped before every command.")
    head = ["what", "cowpath", "beside", "ratio", "target", "", "MiB", "beside, MiB"]
    return "\n".join([
        f"**{results['workload']}**: {results['description']}.",
        f"{host['cores']} cores of {host['processor']}, {host['memory_bytes'] / (1 << 30):.0f} GiB of memory, "
        f"{host['system']}, Linux {host['kernel']}, {host['filesystem']}, {results['date'][:10]}.",
        f"{versions}; no options but those shown below.",
        *([results["durability"]] if any("peer" in row for row in results["rows"]) else []),
        f"{warm}",
        f"{runs.capitalize()}; times are medians, and {results['nothing_seconds'] * 1000:.1f} ms of each is the start "
        f"of a process. The load of the machine was {results['load_before']:.1f} before the first.",
        "MiB is the most memory that each process held in any run.",
        "",
        *grid(head, "lrlrrlrr", [cells(row) for row in results["rows"]]),
        "",
        f"In a folder where `{results.get('tree', 'tree')}` is the source:",
        "",
        *commands(results["rows"]),
        "",
    ])


def verdict(all_results):
    judged = [(results["workload"], row) for results in all_results for row in results["rows"] if "met" in row]
    missed = [f"{workload}, {row['what']}" + (f" beside {row['peer']['tool']}" if "peer" in row else "")
              for workload, row in judged if not row["met"]]
    text = f"{len(judged) - len(missed)} of {len(judged)} targets met."
    return text + (" Missed: " + "; ".join(missed) + "." if missed else "")

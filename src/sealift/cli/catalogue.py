"""Every command with its one-line summary, in the order people meet them. Data only."""

COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("init", "Start", "Detect the project and write a sealift.toml"),
    ("lock", "Start", "Resolve and pin what fetch stages download"),
    ("keys", "Start", "Create, back up and show the project's keys"),
    ("plan", "Release", "Show stages, packages, destinations and gate criteria"),
    ("build", "Release", "Build stages of the checked-out commit, release nothing"),
    ("config", "Release", "Say where each value in force comes from"),
    ("release", "Release", "Carry the tagged commit through all stations"),
    ("site", "Release", "Show and refresh the published tree"),
    ("serve", "Release", "Serve the published trees over HTTP"),
    ("audit", "Release", "Show the ledger and check its chain"),
    ("get", "Use", "Download a release and verify it"),
    ("verify", "Use", "Walk from a file back to its source, offline"),
    ("rebuild", "Use", "Make a published release again and compare the bytes"),
    ("doctor", "Help", "Check this machine, the keys and the freshness of the tree"),
    ("completion", "Help", "Print a completion script for bash, zsh or fish"),
)

_HEAD = """\
Sealift takes a release from a tagged source to a verified download and proves each step.

Usage: sealift COMMAND [OPTIONS]
"""
_TAIL = """
Each command has --help with an example; those that print data have --json.
Exit codes: 0 done, 2 configuration, 3 policy, 4 integrity, 5 unavailable, 6 a tool failed.
"""


def top_help() -> str:
    """Return what `sealift --help` prints: commands in groups."""
    lines = [_HEAD]
    group = ""
    for name, title, summary in COMMANDS:
        if title != group:
            group = title
            lines.append(f"{title}:")
        lines.append(f"  {name:<12}{summary}")
    return "\n".join(lines) + "\n" + _TAIL

"""The entry point: `--version` and the top `--help` before anything heavy is imported.

Only `sys` is imported here and in `catalogue`; `tests/cli` pins the modules that these two options
load.
"""

import sys

from sealift import __version__


def main() -> None:
    """Run `sealift` with the process's arguments and exit."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        sys.stdout.write(f"sealift {__version__}\n")
        return
    if not arguments or arguments in (["--help"], ["-h"], ["help"]):
        from sealift.cli.catalogue import top_help  # noqa: PLC0415 - start-up is a feature

        sys.stdout.write(top_help())
        return
    from sealift.cli.group import run  # noqa: PLC0415 - start-up is a feature

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()

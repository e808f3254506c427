"""How long `sealift --version` and `--help` take, beside `python -c pass` and click's own help.

Pairs are measured alternately in one run: the median and the interquartile range of the ratio to
the floor. A run whose range passes a fifth of its median is invalid, and says so. Run it with
`.venv/bin/python benchmarks/startup.py` on a quiet machine; docs/performance.md keeps figures.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

PAIRS = 21
SPREAD_MAX = 0.2
GOAL = 2.0
BIN = Path(sys.executable).parent
FLOOR = [sys.executable, "-c", "pass"]
CLICK = (
    "import click\n"
    "@click.group()\n"
    "def main():\n    'A group.'\n"
    "main(['--help'], standalone_mode=False)"
)
WORK = {
    "sealift --version": [str(BIN / "sealift"), "--version"],
    "sealift --help": [str(BIN / "sealift"), "--help"],
    "click's --help (peer)": [sys.executable, "-c", CLICK],
}


def seconds(command: list[str]) -> float:
    """Run a command once and return its wall time."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Print one line a command: median ratio to the floor, its spread, and the goal."""
    floors: list[float] = []
    ratios: dict[str, list[float]] = {name: [] for name in WORK}
    for _ in range(PAIRS):
        for name, command in WORK.items():
            floor = seconds(FLOOR)
            floors.append(floor)
            ratios[name].append(seconds(command) / floor)
    print(f"floor  python -c pass  {statistics.median(floors) * 1000:.1f} ms, {PAIRS} pairs")
    for name, values in ratios.items():
        low, middle, high = statistics.quantiles(values, n=4)
        spread = (high - low) / middle
        verdict = f"goal {GOAL:.1f}" if "peer" not in name else "peer"
        if spread > SPREAD_MAX:
            verdict = f"invalid: the spread is {spread:.0%}, expected at most {SPREAD_MAX:.0%}"
        print(f"{name:<24} {middle:.2f} x floor (IQR {low:.2f} to {high:.2f})  {verdict}")


if __name__ == "__main__":
    main()

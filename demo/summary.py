"""The last screen: what a maintainer would paste into an announcement."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demo.screen import colour


def show_summary(
    *,
    summaries: Sequence[dict[str, Any]],
    wheel_sha256: str,
    refused: Sequence[str],
    home: Path,
    seconds: float,
) -> None:
    """Print one paragraph a project, the proofs, and where the release pages lie."""
    for summary in summaries:
        title = f"{summary['project']} {summary['version']}"
        print(f"\n{colour(title, '1')}  released {summary['released_at']}")
        for artifact in summary["artifacts"]:
            print(f"  {artifact['name']:<44} {artifact['file']['digest'][:23]}…")
        verdicts = summary["gate"]["verdicts"]
        passed = sum(1 for verdict in verdicts if verdict["outcome"] == "pass")
        print(
            f"  built from the signed tag {summary['tag']} in {summary['actions']} actions; "
            f"{summary['identical']} rebuilt in a perturbed environment, all identical"
        )
        print(
            f"  {summary['attestations']} signed attestations; gate `{summary['gate']['policy']}`: "
            f"{passed} of {len(verdicts)} criteria passed, "
            f"{len(summary['gate']['not_assessed'])} named as not assessed"
        )
        print(f"  trust root {summary['root_digest']}")
        print(f"  page       {home / 'site' / summary['project'] / 'current' / 'index.html'}")
    print(f"\n  rich's wheel is the index's own, byte for byte: sha256:{wheel_sha256}")
    print(f"  one flipped byte was refused by {', '.join(refused)}")
    print(f"  {seconds:.0f} seconds, all told")

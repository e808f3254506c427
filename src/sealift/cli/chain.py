"""How a chain is drawn: one line a link, from the file down to the commit."""

from collections.abc import Iterator, Sequence

from sealift.base.specs.chain import Link
from sealift.cli.output import paint

_KIND_WIDTH = 13


def link_lines(links: Sequence[Link]) -> Iterator[str]:
    """Yield one line a link, in walking order."""
    for number, link in enumerate(links):
        mark = "└─" if number == len(links) - 1 else "├─"
        kind = paint(f"{link.kind:<{_KIND_WIDTH}}", "cyan")
        digest = paint(f"sha256:{link.subject.short}…", "bright_black")
        yield f"  {mark} {kind} {link.title}  {digest}"
        if link.detail:
            yield f"  {'  ' if mark == '└─' else '│ '} {'':<{_KIND_WIDTH}} {link.detail}"

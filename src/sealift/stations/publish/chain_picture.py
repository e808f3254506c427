"""The chain of a release as a picture: commit, source, build, package, file.

Computes boxes and arrows only; the template draws them as SVG, wide for desks and tall for phones.
"""

from dataclasses import dataclass
from typing import Final

from sealift.core.action import ActionRecord
from sealift.stations.publish.model import ReleaseEvidence
from sealift.stations.publish.words import count_words

_ROWS_MAX: Final = 5
_WIDE_TEXT_MAX: Final = 22
_TALL_TEXT_MAX: Final = 44
_TREE_DIGITS: Final = 8
_COLUMN_WIDTH: Final = 176
_GAP: Final = 44
_ROW_HEIGHT: Final = 40
_HEAD_HEIGHT: Final = 40
_PADDING: Final = 14
_TALL_WIDTH: Final = 340


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing in a box; `mark` is a short fact below it, `full` is shown on pointing at it."""

    text: str
    mark: str
    full: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One station of the chain; `bound_by` is what binds it to the one before."""

    title: str
    bound_by: str
    rows: tuple[Row, ...]
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Boxes in one arrangement, in user units."""

    width: int
    height: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPicture:
    """The picture twice, and once in words for those who do not see it."""

    wide: Drawing
    tall: Drawing
    words: str


def draw_chain(evidence: ReleaseEvidence) -> ChainPicture:
    """Arrange the release's chain."""
    columns = tuple((title, bound_by, _fewer(rows)) for title, bound_by, rows in _columns(evidence))
    height = max(_box_height(len(rows)) for _, _, rows in columns)
    wide = tuple(
        Box(
            title=title,
            bound_by=bound_by,
            rows=_shorter(rows, _WIDE_TEXT_MAX),
            left=index * (_COLUMN_WIDTH + _GAP),
            top=(height - _box_height(len(rows))) // 2,
            width=_COLUMN_WIDTH,
            height=_box_height(len(rows)),
        )
        for index, (title, bound_by, rows) in enumerate(columns)
    )
    tall: list[Box] = []
    top = 0
    for title, bound_by, rows in columns:
        box_height = _box_height(len(rows))
        tall.append(
            Box(
                title=title,
                bound_by=bound_by,
                rows=_shorter(rows, _TALL_TEXT_MAX),
                left=0,
                top=top,
                width=_TALL_WIDTH,
                height=box_height,
            )
        )
        top += box_height + _GAP
    return ChainPicture(
        wide=Drawing(width=wide[-1].left + _COLUMN_WIDTH, height=height, boxes=wide),
        tall=Drawing(width=_TALL_WIDTH, height=top - _GAP, boxes=tuple(tall)),
        words=_in_words(columns),
    )


_Columns = tuple[tuple[str, str, tuple[Row, ...]], ...]


def _columns(evidence: ReleaseEvidence) -> _Columns:
    plan, source = evidence.plan, evidence.source
    signature = source.tag_signature
    commit = [
        Row(
            text=plan.source.tag or "commit",
            mark=plan.source.commit[:12],
            full=f"commit {plan.source.commit}",
        )
    ]
    if signature.outcome == "pass":
        commit.append(Row(text="signed tag", mark=signature.signer, full=signature.reason))
    inputs = [Row(text="source tree", mark=source.tree.short, full=str(source.tree))]
    if plan.upstream is not None:
        inputs.append(
            Row(
                text=plan.upstream.name,
                mark=plan.upstream.digest.short,
                full=str(plan.upstream.digest),
            )
        )
    if plan.downloads:
        inputs.append(
            Row(
                text=count_words(len(plan.downloads), "locked download"),
                mark="each pinned by sha256",
                full=", ".join(download.purl for download in plan.downloads),
            )
        )
    built = [record for record in evidence.build.records if record.action.kind != "fetch"]
    packed = evidence.package.records or tuple(
        record for record in built if record.action.kind == "build"
    )
    files = tuple(
        Row(
            text=artifact.name,
            mark=artifact.file.digest.short,
            full=f"{artifact.name} {artifact.file.digest}",
        )
        for artifact in evidence.package.artifacts
    )
    columns = [
        ("Commit", "", tuple(commit)),
        ("Source", "git archive", tuple(inputs)),
        ("Build", "provenance", tuple(map(_action_row, built))),
    ]
    if evidence.package.records:
        columns.append(("Package", "provenance", tuple(map(_action_row, packed))))
    columns.append(("Files", "release.json", files))
    return tuple(columns)


def _action_row(record: ActionRecord) -> Row:
    mark = record.result.tree.short
    if record.reproduction is not None:
        mark = f"{record.reproduction.outcome} {mark[:_TREE_DIGITS]}"
    elif record.action.kind == "test":
        mark = "test passed"
    return Row(text=record.action.stage, mark=mark, full=f"action {record.action.digest}")


def _fewer(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Keep a box readable: a long list loses its end, and says so."""
    if len(rows) <= _ROWS_MAX:
        return rows
    rest = len(rows) - _ROWS_MAX + 1
    return (*rows[: _ROWS_MAX - 1], Row(text=f"and {rest} more", mark="", full=""))


def _shorter(rows: tuple[Row, ...], length_max: int) -> tuple[Row, ...]:
    """Keep texts inside their box: long ones lose their middle."""
    return tuple(
        Row(text=_middle(row.text, length_max), mark=_middle(row.mark, length_max), full=row.full)
        for row in rows
    )


def _middle(text: str, length_max: int) -> str:
    if len(text) <= length_max:
        return text
    half = (length_max - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def _box_height(rows: int) -> int:
    return _HEAD_HEIGHT + max(rows, 1) * _ROW_HEIGHT + _PADDING


def _in_words(columns: _Columns) -> str:
    return "; then ".join(
        f"{title.lower()}: {', '.join(row.text for row in rows)}" for title, _, rows in columns
    )

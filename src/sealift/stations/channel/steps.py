"""The durable step `channel`: point the plan's channels at the release."""

from sealift.core.published import ChannelDocument
from sealift.core.release import ChannelPointer, ChannelReport, Opening, PublishReport, ReleasePlan
from sealift.core.version import Version
from sealift.stations.channel.model import next_pointer, pointer_of
from sealift.stations.channel.port import PointerBoard


class ChannelSteps:
    """Move the channels of one project's board."""

    def __init__(self, board: PointerBoard) -> None:
        self._board = board

    def point(self, plan: ReleasePlan, opening: Opening, published: PublishReport) -> ChannelReport:
        """Point every channel of the plan at the release, all in one generation; idempotent.

        A channel that names the version already is reported and not moved; one that must not move
        is reported as skipped, with the reason.
        """
        del published  # A release that is not published raises in its own step.
        version = Version(plan.project.version)
        reason = f"release of {plan.source.tag or version}"
        moved: list[ChannelDocument] = []
        pointers: list[ChannelPointer] = []
        skipped: list[tuple[str, str]] = []
        for channel in plan.channels:
            previous = self._board.read(channel)
            decided = next_pointer(
                previous,
                project=plan.project.name,
                channel=channel,
                version=version,
                changed_at=opening.released_at,
                reason=reason,
            )
            if isinstance(decided, ChannelDocument):
                moved.append(decided)
                pointers.append(pointer_of(decided))
            elif previous is not None and previous.version == version.text:
                pointers.append(pointer_of(previous))
            else:
                skipped.append((channel, decided.reason))
        generation = (
            self._board.write(moved, at_s=opening.released_at_s)
            if moved
            else self._board.generation()
        )
        return ChannelReport(
            pointers=tuple(pointers), skipped=tuple(skipped), generation=generation
        )

"""A compressed tar archive of a stage's output, the same bytes whenever and wherever it is made.

Everything lies below one folder `NAME-VERSION/`. Order, times, owners and modes are fixed; gzip
writes neither name nor time.
"""

from typing import Final

from sealift.core.platform import ANY
from sealift.core.sandbox import INPUTS_FOLDER
from sealift.stations.package.model import Make, PackageRequest, file_name_part
from sealift.stations.package.recipe import listed, package_action, quoted

_OPTIONS: Final = (
    "--create",
    "--format=gnu",
    "--sort=name",
    '--mtime="@$SOURCE_DATE_EPOCH"',
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=u+rw,go+rX,go-w,a-s",
)


class TarPackager:
    """The port `Packager` for `.tar.gz` archives."""

    tools: tuple[str, ...] = ()

    def draft(self, request: PackageRequest) -> Make:
        """Return the action that archives the stage's tree, or one output of it."""
        folder = "-".join(
            file_name_part(text, where=request.where)
            for text in (request.project.name, request.project.version)
        )
        platform = request.package.platform
        suffix = "" if platform == ANY else f"-{str(platform).replace('/', '-')}"
        path = f"{folder}{suffix}.tar.gz"
        return Make(
            action=package_action(request, script=_script(request, folder, path), path=path),
            path=path,
        )


def _script(request: PackageRequest, folder: str, path: str) -> str:
    # Names of regular members only: the targets of links are not ours to rewrite.
    options = " ".join((*_OPTIONS, f"--transform={quoted(f'flags=r;s,^[.],{folder},')}"))
    stage = quoted(f"{INPUTS_FOLDER}/{request.package.stage}")
    if not request.is_narrowed:
        members, prepare = ".", ""
    else:
        prepare = f"printf %s {listed(request)} | sed 's,^,./,' > /build/work/members\n"
        members = "--no-recursion --verbatim-files-from --files-from=/build/work/members"
    return (
        f"{prepare}cd {stage}\n"
        f"tar {options} --file=/build/work/archive.tar {members}\n"
        f'gzip -9 --no-name < /build/work/archive.tar > "$SEALIFT_OUT"/{quoted(path)}\n'
    )

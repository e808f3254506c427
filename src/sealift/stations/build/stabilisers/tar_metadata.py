"""`tar-metadata@1`: order, times and owners of tar members are fixed, as is the tar format.

Names, kinds, modes, targets of links and contents stay. Archives with hard links, or with a name
twice, keep their order: there it decides what is unpacked.
"""

import tarfile
from dataclasses import replace
from typing import Final

from sealift.stations.build.stabilisers.stabiliser import Stabiliser
from sealift.stations.build.stabilisers.tar_format import (
    TarArchive,
    TarMember,
    is_tar,
    parse_tar,
    write_tar,
)

_TIMES: Final = frozenset({"atime", "ctime", "LIBARCHIVE.creationtime"})


def _stabilise(data: bytes) -> bytes:
    archive = parse_tar(data)
    if archive is None:
        return data
    members = [_plain(member) for member in archive.members]
    names = {member.name for member in members}
    linked = any(member.kind == tarfile.LNKTYPE for member in members)
    if len(names) == len(members) and not linked:
        members.sort(key=lambda member: member.name)
    return write_tar(TarArchive(members=tuple(members), keywords=archive.keywords))


def _plain(member: TarMember) -> TarMember:
    keywords = tuple(pair for pair in member.keywords if pair[0] not in _TIMES)
    return replace(member, mtime_s=0, owner=(0, 0, "", ""), keywords=keywords)


TAR_METADATA: Final = Stabiliser(
    name="tar-metadata@1", fits=lambda _, data: is_tar(data), stabilise=_stabilise
)

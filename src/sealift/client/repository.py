"""A project's published tree as the client sees it: any server, trusted for nothing.

ngclient refreshes the metadata into the trust folder; `metadata.load_metadata` then verifies what
lies there a second time against the world's clock. Targets are streamed with the signed length as
the limit and the signed sha256 as the judge.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
)
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from sealift.base.edge.port import World
from sealift.client.fetcher import WorldFetcher
from sealift.client.metadata import TrustedMetadata, load_metadata
from sealift.client.trust import ProjectTrust
from sealift.core.digest import Descriptor, Digest
from sealift.core.errors import IntegrityError, SealiftError, UnavailableError
from sealift.core.limits import (
    DOWNLOAD_BYTES_MAX,
    ROOT_ROTATIONS_MAX,
    TUF_METADATA_BYTES_MAX,
)
from sealift.core.published import channel_target

_REFRESH: Final = "ask the project's maintainers to run `sealift site refresh`"


class RemoteTree:
    """One project's tree at an address."""

    def __init__(self, world: World, *, address: str) -> None:
        self._world = world
        self.address = address.rstrip("/")

    def first_root(self) -> bytes:
        """Return the unverified bytes of `root.json` at the top, for the very first contact."""
        url = f"{self.address}/root.json"
        data = bytearray()
        for chunk in self._chunks(url):
            data += chunk
            if len(data) > TUF_METADATA_BYTES_MAX:
                raise IntegrityError(
                    fact=f"`{url}` does not end", expected=f"at most {TUF_METADATA_BYTES_MAX} bytes"
                )
        return bytes(data)

    def refresh(self, trust: ProjectTrust, *, channel: str | None) -> TrustedMetadata:
        """Bring the trust folder up to date and return what it says; `channel` is wanted too.

        Raises IntegrityError where anything does not hold or is older than what was trusted
        before, UnavailableError where the server does not answer.
        """
        self._world.files.make_folder(trust.metadata)
        with _in_our_words(self.address):
            updater = Updater(
                metadata_dir=str(trust.metadata),
                metadata_base_url=f"{self.address}/metadata/",
                fetcher=WorldFetcher(self._world.http),
                config=UpdaterConfig(
                    max_root_rotations=ROOT_ROTATIONS_MAX,
                    snapshot_max_length=TUF_METADATA_BYTES_MAX,
                    targets_max_length=TUF_METADATA_BYTES_MAX,
                ),
                bootstrap=trust.root,
            )
            updater.refresh()
            if channel is not None:
                # For its side effect: this loads the metadata of the delegated role.
                updater.get_targetinfo(channel_target(channel))
        return load_metadata(
            trust.metadata, root=trust.root, at=self._world.clock.now(), freshness="demanded"
        )

    def read(self, target: str, descriptor: Descriptor, *, size_bytes_max: int) -> bytes:
        """Return the verified bytes of a target; IntegrityError if they are not the signed ones."""
        data = bytearray()
        for chunk in self._verified(target, descriptor, size_bytes_max):
            data += chunk
        return bytes(data)

    def save(self, target: str, descriptor: Descriptor, path: Path) -> None:
        """Stream a target to `path`, where it appears only after its last byte was verified."""
        with self._world.files.create_durably(path) as file:
            file.writelines(self._verified(target, descriptor, DOWNLOAD_BYTES_MAX))

    def _verified(
        self, target: str, descriptor: Descriptor, size_bytes_max: int
    ) -> Iterator[bytes]:
        """Yield a target's bytes; raise at the end, at the latest, unless they are as signed."""
        if descriptor.size_bytes > size_bytes_max:
            raise IntegrityError(
                fact=f"`{target}` has {descriptor.size_bytes} bytes",
                expected=f"at most {size_bytes_max}",
            )
        hasher = hashlib.sha256()
        received = 0
        for chunk in self._chunks(self._target_url(target, descriptor.digest)):
            received += len(chunk)
            if received > descriptor.size_bytes:
                break
            hasher.update(chunk)
            yield chunk
        if received != descriptor.size_bytes:
            longer = received > descriptor.size_bytes
            raise IntegrityError(
                where=self.address,
                fact=f"`{target}` goes on after its last byte"
                if longer
                else f"`{target}` ends after {received} bytes",
                expected=f"{descriptor.size_bytes} bytes, as signed",
                hint="try another mirror with `--from`",
            )
        found = Digest(hasher.hexdigest())
        if found != descriptor.digest:
            raise IntegrityError(
                where=self.address,
                fact=f"`{target}` has digest {found}",
                expected=str(descriptor.digest),
                hint="try another mirror with `--from`",
            )

    def _target_url(self, target: str, digest: Digest) -> str:
        # TUF 6.2: with consistent snapshots a target's file name starts with its hash.
        folder, slash, name = target.rpartition("/")
        return f"{self.address}/targets/{quote(folder)}{slash}{digest.hex}.{quote(name)}"

    def _chunks(self, url: str) -> Iterator[bytes]:
        with self._world.http.get(url) as response:
            if response.status != HTTPStatus.OK:
                raise UnavailableError(
                    fact=f"`{url}` answers {response.status}",
                    expected="200",
                    hint=f"curl -I {url}",
                )
            yield from response.chunks


@contextmanager
def _in_our_words(address: str) -> Iterator[None]:
    """Turn python-tuf's errors into ours."""
    try:
        yield
    except ExpiredMetadataError as error:
        raise IntegrityError(
            where=address,
            fact=f"metadata has expired: {error}",
            expected="a tree that is kept fresh",
            hint=_REFRESH,
        ) from error
    except BadVersionNumberError as error:
        raise IntegrityError(
            where=address,
            fact=f"metadata is older than what was trusted before: {error}",
            expected="versions that only go up",
            hint="try another mirror with `--from`",
        ) from error
    except DownloadLengthMismatchError as error:
        raise IntegrityError(
            where=address, fact=f"metadata does not end: {error}", expected="the signed length"
        ) from error
    except DownloadHTTPError as error:
        raise UnavailableError(
            where=address, fact=str(error), expected="200", hint=f"curl -I {address}/root.json"
        ) from error
    except DownloadError as error:
        if isinstance(error.__cause__, SealiftError):
            raise error.__cause__ from error
        raise UnavailableError(where=address, fact=str(error), expected="an answer") from error
    except (RepositoryError, ValueError) as error:
        raise IntegrityError(
            where=address,
            fact=f"metadata does not hold: {error}",
            expected="metadata signed from the pinned root on",
            hint="try another mirror with `--from`",
        ) from error
    except OSError as error:
        raise UnavailableError(
            fact=f"cannot keep metadata: {error}", expected="a writable trust folder"
        ) from error

"""python-tuf's door to the network, led through ours, so that tests and proxies see every byte."""

from collections.abc import Iterator
from http import HTTPStatus

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from sealift.base.edge.port import Http
from sealift.core.errors import UnavailableError


class WorldFetcher(FetcherInterface):
    """Fetch for ngclient through the world's HTTP."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            with self._http.get(url) as response:
                if response.status != HTTPStatus.OK:
                    raise DownloadHTTPError(
                        f"{url} answers {response.status}", status_code=response.status
                    )
                yield from response.chunks
        except UnavailableError as error:
            # A file that is not there is how a tree on disk says 404, which ends root rotation.
            if url.startswith("file:"):
                raise DownloadHTTPError(str(error), status_code=HTTPStatus.NOT_FOUND) from error
            raise

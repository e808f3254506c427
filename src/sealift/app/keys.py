"""What `sealift keys` needs beyond the keyring: the first root, signed by the new keys."""

from collections.abc import Mapping
from pathlib import Path

from sealift.app.passphrase import FILE_VARIABLE, Prompt, read_passphrase
from sealift.app.wiring import House
from sealift.core.errors import ConfigError
from sealift.stations.attest.model import KeyringReport
from sealift.stations.publish.tuf_repository import create_root


def init_keys(
    house: House, project: str, *, passphrase: bytes, trust_signers: tuple[Path, ...]
) -> KeyringReport:
    """Make a project's keys and its first root; name whose tags count.

    Safe to repeat after a crash: keys that are there are never made again, a missing root is.
    """
    custody = house.custody
    at = house.world.clock.now()
    if not custody.has_keys(project) or custody.root(project) is not None:
        custody.init(project, passphrase=passphrase, at=at)
    with house.desk(project, passphrase=passphrase) as desk:
        custody.keep_root(project, create_root(desk, at))
    for key_file in trust_signers:
        custody.trust_signer(project, key_file.read_text())
    return custody.show(project)


def passphrase_for_new_keys(
    *, chosen: Path | None, environment: Mapping[str, str], prompt: Prompt | None
) -> bytes:
    """Return the passphrase for new keys; a person types it twice.

    Raises ConfigError when the two differ, or when there is neither a file nor a terminal.
    """
    first = read_passphrase(
        chosen=chosen,
        environment=environment,
        prompt=prompt,
        question="New passphrase of the offline keys",
    )
    typed = chosen is None and not environment.get(FILE_VARIABLE)
    if typed and prompt is not None and prompt("The same again").encode() != first:
        raise ConfigError(
            fact="the two passphrases differ", expected="the same one twice", hint="try again"
        )
    return first

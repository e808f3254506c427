"""Where the passphrase of the offline keys comes from: a file, or a person."""

from collections.abc import Callable, Mapping
from pathlib import Path

from sealift.core.errors import ConfigError

FILE_VARIABLE = "SEALIFT_PASSPHRASE_FILE"
Prompt = Callable[[str], str]


def read_passphrase(
    *,
    chosen: Path | None,
    environment: Mapping[str, str],
    prompt: Prompt | None,
    question: str = "Passphrase of the offline keys",
) -> bytes:
    """Return the passphrase from `chosen`, else the variable's file, else by asking a person.

    One trailing line break of a file is not part of the passphrase. Raises ConfigError when there
    is neither a file nor a terminal.
    """
    named = environment.get(FILE_VARIABLE)
    path = chosen or (Path(named) if named else None)
    if path is not None:
        try:
            return path.read_bytes().removesuffix(b"\n")
        except OSError as error:
            raise ConfigError(
                fact=f"the passphrase file `{path}` cannot be read: {error.strerror}",
                expected="a file with the passphrase, readable by you alone",
                hint=f"ls -l {path}",
            ) from error
    if prompt is None:
        raise ConfigError(
            fact="the offline keys are locked and nobody is here to unlock them",
            expected="a terminal, or a file with the passphrase",
            hint=f"export {FILE_VARIABLE}=/path/to/file",
        )
    return prompt(question).encode()

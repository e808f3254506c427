"""Read `[stages.NAME]`: what a stage reads, runs and leaves, and under which limits.

    [stages.link]
    toolchain = "debian"
    inputs = ["source", { from = "compile", only = ["usr/lib/**"] }]
    run = "make link"
    outputs.tree = "usr/**"
    environment = { CFLAGS = "-O2" }
    memory = "4 GiB"
    folder = "native"

Values are literal: nothing is taken from the caller, and what the contract sets stays as it is.
"""

import re
from typing import Final, get_args

from packaging.requirements import InvalidRequirement, Requirement

from sealift.core.errors import ConfigError, IntegrityError
from sealift.core.glob import Glob
from sealift.core.limits import (
    ACTION_MEMORY_BYTES,
    ACTION_TIMEOUT_S,
    COMMAND_LINES_MAX,
    GIB,
    MIB,
    STAGE_MEMORY_BYTES_MAX,
    STAGE_MEMORY_BYTES_MIN,
    STAGE_TIMEOUT_S_MAX,
    STAGE_VARIABLES_MAX,
)
from sealift.core.sandbox import sandbox_environment
from sealift.core.tree import check_path
from sealift.stations.plan.document import (
    DocumentProblem,
    TomlTable,
    check_name,
    did_you_mean,
    dotted,
    type_name,
)
from sealift.stations.plan.model import HOST, INDEX_PREFIX, SOURCE, StageKind, StageSpec

_STAGE_KINDS: Final[tuple[StageKind, ...]] = get_args(StageKind)
_RUNNING_KEYS: Final = ("toolchain", "environment", "memory", "folder")
_KEYS: Final = ("kind", "inputs", "run", "outputs", "timeout", *_RUNNING_KEYS)
_LATER_KEYS: Final = frozenset({"matrix", "network"})
_TIMEOUT: Final = re.compile(r"([1-9][0-9]{0,5}) (second|minute|hour)s?\Z")
_UNIT_S: Final = {"second": 1, "minute": 60, "hour": 3_600}
_MEMORY: Final = re.compile(r"([1-9][0-9]{0,5}) (MiB|GiB)\Z")
_UNIT_BYTES: Final = {"MiB": MIB, "GiB": GIB}
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
_FOLDER: Final = re.compile(r"[A-Za-z0-9_.+/-]{1,512}\Z")
# The contract's own, and those by which the loader would run code of another root.
_RESERVED: Final = frozenset(
    {name for name, _ in sandbox_environment(epoch_s=0, python_sites=("site",))}
    | {"PWD", "LD_PRELOAD", "LD_AUDIT"}
)
_RESERVED_PREFIXES: Final = ("SEALIFT_", "LC_", "FAKETIME")
_INPUT: Final = 'a name, or `{ from = "NAME", only = ["GLOB"] }`'


def read_stage(name: str, table: TomlTable) -> StageSpec:
    """Read one table; raise DocumentProblem for what cannot be meant."""
    table.only(*_KEYS, later=_LATER_KEYS)
    if name == SOURCE:
        raise DocumentProblem(
            path=table.path,
            fact="a stage cannot be called `source`",
            expected="another name: `source` is the tagged commit's files",
        )
    kind = _stage_kind(table)
    inputs = _inputs(table)
    stage = StageSpec(
        name=name,
        kind=kind,
        inputs=tuple(each for each, _ in inputs),
        run=_run(table),
        outputs=tuple((output, _output(name, output, table)) for output in table.table("outputs")),
        timeout_s=_timeout(table),
        toolchain=table.text("toolchain", default=HOST),
        environment=_environment(table),
        memory_bytes=_memory(table),
        folder=_folder(table, frozenset(each for each, _ in inputs)),
        only=tuple((each, globs) for each, globs in inputs if globs),
    )
    if kind == "fetch":
        _check_fetch(stage, table)
    else:
        _check_command(stage, table)
    return stage


def _stage_kind(table: TomlTable) -> StageKind:
    kind = table.text("kind", default="build")
    for known in _STAGE_KINDS:
        if kind == known:
            return known
    raise table.problem(
        "kind",
        f"is `{kind[:80]}`",
        f"one of {', '.join(_STAGE_KINDS)}",
        did_you_mean(kind, _STAGE_KINDS),
    )


def _run(table: TomlTable) -> tuple[str, ...]:
    value = table.raw("run")
    lines = (value,) if isinstance(value, str) else table.strings("run")
    if len(lines) > COMMAND_LINES_MAX:
        raise table.problem(
            "run", f"has {len(lines)} commands", f"at most {COMMAND_LINES_MAX} commands"
        )
    for line in lines:
        if not line.strip() or "\x00" in line:
            raise table.problem("run", "holds an empty command or a NUL", "shell commands")
    return lines


def _inputs(table: TomlTable) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return each input with the globs that narrow it; none for a whole one."""
    values = table.raw("inputs")
    if not isinstance(values, list):
        return tuple((name, ()) for name in table.strings("inputs"))
    found: list[tuple[str, tuple[str, ...]]] = []
    for number, value in enumerate(values):
        path = (*table.path, "inputs", number)
        if isinstance(value, str):
            found.append((value, ()))
        elif isinstance(value, dict):
            found.append(_narrowed(TomlTable(value, path)))
        else:
            raise DocumentProblem(
                path=path,
                fact=f"`{dotted((*table.path, 'inputs'))}` holds {type_name(value)}",
                expected=_INPUT,
            )
    return tuple(found)


def _narrowed(table: TomlTable) -> tuple[str, tuple[str, ...]]:
    table.only("from", "only")
    globs = table.strings("only")
    if not globs:
        raise table.missing("only", "a list of globs; for the whole input its name alone")
    for number, glob in enumerate(globs):
        try:
            Glob.parse(glob)
        except ConfigError as error:
            raise DocumentProblem(
                path=(*table.path, "only", number),
                fact=f"`{dotted((*table.path, 'only'))}` holds `{glob[:120]}`",
                expected=error.expected,
            ) from None
    # Sorted and each once: their order decides nothing, so it must not change a key.
    return table.text("from"), tuple(sorted(set(globs)))


def _environment(table: TomlTable) -> tuple[tuple[str, str], ...]:
    variables = table.table("environment")
    for number, name in enumerate(variables):
        if number >= STAGE_VARIABLES_MAX:
            raise table.problem(
                "environment", "has too many variables", f"at most {STAGE_VARIABLES_MAX}"
            )
        if not _VARIABLE.match(name):
            raise variables.problem(name, "is no variable's name", "letters, digits and `_`")
        if name in _RESERVED or name.startswith(_RESERVED_PREFIXES):
            raise variables.problem(
                name,
                "is set by the contract of a stage",
                "another variable",
                f"remove `{name}`, or set it inside of `run`",
            )
    return tuple((name, variables.text(name)) for name in sorted(variables))


def _memory(table: TomlTable) -> int:
    value = table.raw("memory")
    if value is None:
        return ACTION_MEMORY_BYTES
    match = _MEMORY.match(value) if isinstance(value, str) else None
    size_bytes = int(match[1]) * _UNIT_BYTES[match[2]] if match else 0
    if not STAGE_MEMORY_BYTES_MIN <= size_bytes <= STAGE_MEMORY_BYTES_MAX:
        raise table.problem(
            "memory",
            f"is `{value!s:.80}`",
            f"e.g. `512 MiB` or `4 GiB`; at least {STAGE_MEMORY_BYTES_MIN // MIB} MiB and at most "
            f"{STAGE_MEMORY_BYTES_MAX // GIB} GiB",
        )
    return size_bytes


def _folder(table: TomlTable, inputs: frozenset[str]) -> str:
    if "folder" not in table:
        return ""
    text = table.text("folder")
    try:
        plain = bool(_FOLDER.match(check_path(text)))
    except IntegrityError:
        plain = False
    if not plain:
        raise table.problem(
            "folder", f"is `{text[:120]}`", "a relative path below the source, e.g. `native`"
        )
    if SOURCE not in inputs:
        raise table.problem(
            "folder", "lies below the source, which is no input", 'inputs = ["source", …]'
        )
    return text


def _check_fetch(stage: StageSpec, table: TomlTable) -> None:
    for key in ("run", "outputs", *_RUNNING_KEYS):
        if key in table:
            raise table.problem(
                key,
                "has no meaning in a fetch stage",
                "only `inputs`: a fetch stage runs nothing",
                f"remove `{key}`",
            )
    if not stage.inputs:
        raise table.missing("inputs", f"a list of `{INDEX_PREFIX}REQUIREMENT`")
    if stage.only:
        raise table.problem("inputs", "holds a narrowed one", f"`{INDEX_PREFIX}REQUIREMENT` only")
    for number, name in enumerate(stage.inputs):
        wrong = _requirement_mistake(name)
        if wrong:
            raise DocumentProblem(
                path=(*table.path, "inputs", number),
                fact=f"stage `{stage.name}` fetches `{name[:120]}`: {wrong}",
                expected=f"`{INDEX_PREFIX}REQUIREMENT`, e.g. `{INDEX_PREFIX}build>=1.2`",
            )


def _requirement_mistake(text: str) -> str:
    if not text.startswith(INDEX_PREFIX):
        return "it does not say which index serves it"
    try:
        requirement = Requirement(text.removeprefix(INDEX_PREFIX))
    except InvalidRequirement as error:
        return str(error).partition("\n")[0]
    # An address would bypass the configured index, and could name anything.
    return "it names an address" if requirement.url else ""


def _check_command(stage: StageSpec, table: TomlTable) -> None:
    if not stage.run:
        raise table.missing("run", "a shell command, or a list of them")
    if stage.kind == "build" and not stage.outputs:
        raise table.missing("outputs", 'a table of globs, e.g. `outputs.tree = "usr/**"`')
    for number, name in enumerate(stage.inputs):
        if name.startswith(INDEX_PREFIX):
            raise DocumentProblem(
                path=(*table.path, "inputs", number),
                fact=f"stage `{stage.name}` has no network, but needs `{name[:120]}`",
                expected="a fetch stage that gets it",
                hint=f'add a stage with kind = "fetch" and inputs = ["{name[:120]}"]',
            )
        if stage.inputs.index(name) != number:
            raise DocumentProblem(
                path=(*table.path, "inputs", number),
                fact=f"stage `{stage.name}` names `{name[:80]}` twice",
                expected="each input once",
            )


def _output(stage: str, output: str, table: TomlTable) -> str:
    outputs = table.table("outputs")
    check_name(output, (*outputs.path, output))
    glob = outputs.text(output)
    if glob.startswith("/") or ".." in glob.split("/"):
        raise outputs.problem(
            output,
            f"of stage `{stage}` lies outside of the stage's folder: `{glob[:120]}`",
            "a glob relative to $SEALIFT_OUT",
            'write the file below "$SEALIFT_OUT" and name it from there',
        )
    try:
        Glob.parse(glob)
    except ConfigError as error:
        raise outputs.problem(
            output, f"of stage `{stage}` is `{glob[:120]}`", error.expected
        ) from None
    return glob


def _timeout(table: TomlTable) -> int:
    value = table.raw("timeout")
    if value is None:
        return ACTION_TIMEOUT_S
    expected = f"seconds, or `30 minutes`; at most {STAGE_TIMEOUT_S_MAX} seconds"
    if isinstance(value, str):
        match = _TIMEOUT.match(value)
        seconds = int(match[1]) * _UNIT_S[match[2]] if match else 0
    else:
        seconds = table.integer("timeout")
    if not 1 <= seconds <= STAGE_TIMEOUT_S_MAX:
        raise table.problem("timeout", f"is `{value!s:.80}`", expected)
    return seconds

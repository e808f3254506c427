"""The pages that show commands are run, in order, in one shell, as a reader would.

In a ```console block a line `$ COMMAND` is run, and the lines below it are what it prints: each of
them occurs in the output, in this order; `…` stands for anything. A command may only fail when the
next one is `echo $?`. A block such as ```toml file=pyproject.toml writes that file.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RUN_IN_ORDER = (
    DOCS / "tutorial" / "first-release.md",
    DOCS / "how-to" / "rehearse-with-snapshot.md",
    DOCS / "how-to" / "back-up-keys.md",
    DOCS / "how-to" / "refresh-the-site-by-timer.md",
    DOCS / "how-to" / "resume-after-a-crash.md",
)
TIME_LIMIT_S = 900
MARK = "=== sealift documents ==="

_BLOCK = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"\w+ file=(?P<name>\S+)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One command of a page, or one file that it writes, and what the page says it prints."""

    where: str
    command: str
    prints: tuple[str, ...] = ()

    @property
    def in_background(self) -> bool:
        return self.command.endswith(" &")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command really printed, and its exit code."""

    exit_code: int
    output: str


def examples(page: str, markdown: str) -> Iterator[Example]:
    """Yield the commands and files of a page in order."""
    for block in _BLOCK.finditer(markdown):
        line = markdown.count("\n", 0, block.start()) + 1
        if file := _FILE.match(block["info"]):
            name = shlex.quote(file["name"])
            command = f"mkdir -p $(dirname {name}) && cat > {name} <<'PAGE'\n{block['body']}PAGE"
            yield Example(where=f"{page}:{line}", command=command)
        elif block["info"] == "console":
            yield from _commands(page, line, block["body"].splitlines())


def _commands(page: str, first_line: int, lines: Sequence[str]) -> Iterator[Example]:
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    assert not lines or starts[:1] == [0], f"{page}:{first_line}: a console block starts with `$ `"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield Example(
            where=f"{page}:{first_line + 1 + start}",
            command=lines[start].removeprefix("$ "),
            prints=tuple(line for line in lines[start + 1 : end] if line.strip() not in {"", "…"}),
        )


def script(shown: Sequence[Example]) -> str:
    """Return a shell script that runs all examples and marks where each begins and ends."""
    parts = []
    for number, example in enumerate(shown):
        parts.append(f"printf '\\n%s %s\\n' {shlex.quote(MARK)} 'begin {number}'")
        parts.append("(exit ${status:-0})")  # so that `echo $?` sees the command before
        if example.in_background:
            assert example.prints, f"{example.where}: say what it prints once it is ready"
            log = f'"$HOME/background-{number}.log"'
            ready = shlex.quote(example.prints[0].split("…")[0])
            parts.append(f"{example.command.removesuffix(' &')} > {log} 2>&1 &")
            parts.append(
                f"for _ in $(seq 300); do grep -qF -- {ready} {log} && break; sleep 0.1; done"
            )
            parts.append(f"cat {log}; true")
        else:
            parts.append(example.command)
        parts.append("status=$?")
        parts.append(f"printf '\\n%s %s %s\\n' {shlex.quote(MARK)} end $status")
    return "\n".join(parts) + "\n"


def outcomes(text: str) -> list[Outcome]:
    """Read back what `script` printed."""
    found = re.finditer(
        rf"^{re.escape(MARK)} begin \d+\n(?P<output>.*?)\n{re.escape(MARK)} end (?P<code>\d+)$",
        text,
        re.MULTILINE | re.DOTALL,
    )
    return [Outcome(exit_code=int(match["code"]), output=match["output"]) for match in found]


def missing_line(prints: Sequence[str], output: str) -> str | None:
    """Return the first line of `prints` that does not follow in the output, or None."""
    lines = iter(output.splitlines())
    for wanted in prints:
        pattern = re.compile(".*".join(re.escape(piece) for piece in wanted.split("…")) + r"\s*\Z")
        if not any(pattern.match(line) for line in lines):
            return wanted
    return None


def problems(shown: Sequence[Example], ran: Sequence[Outcome]) -> Iterator[str]:
    """Yield what the pages say that did not come true."""
    for number, (example, outcome) in enumerate(zip(shown, ran, strict=False)):
        following = shown[number + 1].command if number + 1 < len(shown) else ""
        said = f"{example.where}: `{example.command.splitlines()[0]}`"
        if outcome.exit_code != 0 and following != "echo $?":
            yield f"{said} ended with {outcome.exit_code}:\n{outcome.output}"
        missing = missing_line(example.prints, outcome.output)
        if missing is not None:
            yield f"{said} did not print\n  {missing}\nbut\n{outcome.output}"
    if len(ran) < len(shown):
        yield f"{shown[len(ran)].where}: `{shown[len(ran)].command}` did not end"


def reader_environment(home: Path) -> dict[str, str]:
    """Return the environment of somebody who has just installed Sealift."""
    environment = {
        "HOME": str(home),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    # Where packages come from is the machine's business, also with another home.
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    for place in (".config/pip/pip.conf", ".pip/pip.conf"):
        if (Path.home() / place).exists():
            environment.setdefault("PIP_CONFIG_FILE", str(Path.home() / place))
    proxies = ("http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE")
    return environment | {name: os.environ[name] for name in proxies if name in os.environ}


def run(shown: Sequence[Example], folder: Path) -> list[Outcome]:
    """Run all examples in one shell; end whatever they left running."""
    home = folder / "home"
    home.mkdir()
    (folder / "script.sh").write_text(script(shown))
    (folder / "work").mkdir()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            ["/bin/bash", "--noprofile", "--norc", folder / "script.sh"],
            cwd=folder / "work",
            env=reader_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            pass  # the example that did not end is told below, with all that came before it
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return outcomes((folder / "output").read_text(errors="replace"))


PAGE = """\
```toml file=folder/settings.toml
answer = 42
```

```console
$ cd folder
$ cat settings.toml
answer = …
$ grep question settings.toml
$ echo $?
1
```
"""


def test_a_page_is_run_line_by_line_in_one_shell(tmp_path: Path) -> None:
    shown = list(examples("page.md", PAGE))
    assert [example.where for example in shown] == [
        "page.md:1",
        "page.md:6",
        "page.md:7",
        "page.md:9",
        "page.md:10",
    ]
    assert list(problems(shown, run(shown, tmp_path))) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("answer = …", "answer = 43"), "did not print"),
        (("$ echo $?\n1\n", ""), "ended with 1"),
        (("cat settings.toml", "exit 3"), "did not end"),
    ],
)
def test_a_page_that_says_something_untrue_is_noticed(
    change: tuple[str, str], words: str, tmp_path: Path
) -> None:
    shown = list(examples("page.md", PAGE.replace(*change)))
    (first, *_) = problems(shown, run(shown, tmp_path))
    assert words in first


def test_a_server_in_the_background_is_waited_for_and_ended(tmp_path: Path) -> None:
    page = "```console\n$ (sleep 0.3; echo ready at 1; sleep 60) &\nready at …\n$ echo next\n```\n"
    shown = list(examples("page.md", page))
    assert list(problems(shown, run(shown, tmp_path))) == []


@pytest.mark.slow
@pytest.mark.clients
def test_the_tutorial_and_the_guides_that_go_on_from_it_come_true(tmp_path: Path) -> None:
    shown = [
        example
        for path in RUN_IN_ORDER
        for example in examples(str(path.relative_to(ROOT)), path.read_text())
    ]
    untrue = "\n\n".join(problems(shown, run(shown, tmp_path)))
    assert not untrue, untrue

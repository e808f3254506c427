import contextlib
import io
import logging
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa

from sealift.base.edge.port import Command
from sealift.base.edge.real import real_world
from sealift.base.flow.drivers.dbos_flow import DbosFlow
from sealift.base.flow.port import Flow
from sealift.core.codec import Json
from sealift.core.errors import IntegrityError, UnavailableError
from sealift.testing.flow import FlowSuite, MemoryFlow, Recorder


class TestMemoryFlow(FlowSuite):
    @pytest.fixture(autouse=True)
    def _journals(self) -> None:
        self.journals: dict[Path, dict[str, bytes]] = {}

    def make_flow(self, folder: Path) -> Flow:
        return MemoryFlow(self.journals.setdefault(folder, {}))


class TestDbosFlow(FlowSuite):
    def make_flow(self, folder: Path) -> Flow:
        return DbosFlow(folder / "state" / "flow.db", real_world({}))


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[DbosFlow]:
    flow = DbosFlow(tmp_path / "flow.db", real_world({}))
    yield flow
    flow.close()


def _run(flow: Flow, recorder: Recorder, workflow_id: str = "w") -> list[str]:
    outcome = flow.run(workflow_id=workflow_id, program=recorder.program, steps=recorder.steps())
    return list(outcome.results)


def test_dbos_is_not_imported_before_the_first_run(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path;"
        "from sealift.base.edge.real import real_world;"
        "from sealift.base.flow.drivers.dbos_flow import DbosFlow;"
        "DbosFlow(Path('flow.db'), real_world({})).close();"
        "print(sorted({'dbos', 'sqlalchemy'} & set(sys.modules)))"
    )
    world = real_world()
    done = world.processes.run(Command(argv=(sys.executable, "-c", script), folder=tmp_path))
    assert (done.stdout, done.stderr) == (b"[]\n", b"")


def test_steps_run_in_the_thread_that_asked(flow: DbosFlow) -> None:
    threads: list[threading.Thread] = []

    def step(results: Mapping[str, Json]) -> Json:
        del results
        threads.append(threading.current_thread())
        return None

    flow.run(workflow_id="w", program=("only",), steps={"only": step})
    assert threads == [threading.current_thread()]


def test_journal_is_silent_and_leaves_no_thread_behind(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = set(threading.enumerate())
    flow = DbosFlow(tmp_path / "flow.db", real_world({}))
    recorder = Recorder(("a", "b"))
    recorder.fail["b"] = UnavailableError(fact="once")
    with pytest.raises(UnavailableError):
        _run(flow, recorder)
    assert _run(flow, recorder) == ["a", "b"]
    flow.close()
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(timeout=2)
    assert [thread for thread in left if thread.is_alive()] == []
    assert capfd.readouterr() == ("", "")


def test_journal_opens_no_socket(flow: DbosFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []

    def connect(self: socket.socket, address: object) -> None:
        del self
        opened.append(address)
        raise OSError

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "bind", connect)
    monkeypatch.setattr(socket.socket, "listen", connect)
    assert _run(flow, Recorder(("a",))) == ["a"]
    assert opened == []


def test_journal_is_json_with_every_commit_synced(flow: DbosFlow, tmp_path: Path) -> None:
    _run(flow, Recorder(("a",)))
    with contextlib.closing(sqlite3.connect(tmp_path / "flow.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        rows = database.execute("SELECT output, serialization FROM operation_outputs").fetchall()
    assert rows == [('{"step":"a","after":[],"run":1}', "sealift-json")]


def test_error_of_a_step_is_not_journalled(flow: DbosFlow, tmp_path: Path) -> None:
    recorder = Recorder(("a",))
    recorder.fail["a"] = UnavailableError(fact="planted-words", log="planted-log")
    with pytest.raises(UnavailableError):
        _run(flow, recorder)
    flow.close()
    found = b"".join(path.read_bytes() for path in tmp_path.glob("flow.db*"))
    assert b"planted" not in found


def test_second_flow_in_one_process_is_a_mistake(flow: DbosFlow, tmp_path: Path) -> None:
    _run(flow, Recorder(("a",)))
    other = DbosFlow(tmp_path / "other.db", real_world({}))
    with pytest.raises(RuntimeError, match="once in a process"):
        _run(other, Recorder(("a",)))
    other.close()
    assert _run(flow, Recorder(("a",)), "still works") == ["a"]


def test_program_that_names_a_step_twice_is_a_mistake(flow: DbosFlow) -> None:
    with pytest.raises(ValueError, match="twice"):
        _run(flow, Recorder(("a", "a")))


def test_full_disk_under_the_journal_ends_the_attempt_and_loses_nothing(
    tmp_path: Path,
) -> None:
    full = [True]

    def limit(connection: sqlite3.Connection, record: object) -> None:
        del record
        if full[0]:
            # Room for the schema and small results, as a disk with 2 MB left has.
            connection.execute("PRAGMA max_page_count = 500")

    ran: list[str] = []

    def small(results: Mapping[str, Json]) -> Json:
        del results
        ran.append("small")
        return "small"

    def large(results: Mapping[str, Json]) -> Json:
        del results
        ran.append("large")
        return "x" * 5_000_000

    def run() -> list[str]:
        flow = DbosFlow(tmp_path / "flow.db", real_world({}))
        try:
            outcome = flow.run(
                workflow_id="w", program=("small", "large"), steps={"small": small, "large": large}
            )
        finally:
            flow.close()
        return list(outcome.results)

    sa.event.listen(sa.Engine, "connect", limit)
    try:
        with pytest.raises(UnavailableError, match="full"):
            run()
        full[0] = False
        assert run() == ["small", "large"]
    finally:
        sa.event.remove(sa.Engine, "connect", limit)
    assert ran == ["small", "large", "large"]


def test_file_that_is_no_database_is_said_to_be_damaged(flow: DbosFlow, tmp_path: Path) -> None:
    (tmp_path / "flow.db").write_bytes(b"not a database " * 1000)
    with pytest.raises(IntegrityError, match="damaged"):
        _run(flow, Recorder(("a",)))


def test_words_of_the_library_go_nowhere(flow: DbosFlow) -> None:
    _run(flow, Recorder(("a",)))
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    try:
        logging.getLogger("dbos").error("a traceback that nobody asked for")
    finally:
        logging.getLogger().removeHandler(handler)
    assert stream.getvalue() == ""

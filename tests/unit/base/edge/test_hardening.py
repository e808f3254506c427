import subprocess
import sys
from pathlib import Path


def _run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )


def test_hardened_process_can_be_dumped_by_nobody() -> None:
    done = _run(
        "import ctypes, resource\n"
        "from sealift.base.edge.hardening import forbid_memory_dumps\n"
        "took = forbid_memory_dumps()\n"
        "dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)\n"
        "print(took, resource.getrlimit(resource.RLIMIT_CORE), dumpable)\n"
    )
    assert done.stdout == "True (0, 0) 0\n"


def test_confined_process_writes_to_pipes_but_not_to_files(tmp_path: Path) -> None:
    target = tmp_path / "leak"
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from sealift.base.edge.hardening import confine_process\n"
        "confine = sys.argv[2] == 'confined' and confine_process()\n"
        "print('a pipe takes it', flush=True)\n"
        "Path(sys.argv[1]).write_bytes(b'secret')\n"
    )
    confined = _run(script, str(target), "confined")
    assert confined.stdout == "a pipe takes it\n"
    assert "File too large" in confined.stderr
    assert target.read_bytes() == b""
    free = _run(script, str(target), "free")
    assert free.returncode == 0
    assert target.read_bytes() == b"secret"

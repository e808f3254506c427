"""What the reproducibility table rests on: reading a wheel's origin, naming the first cause."""

import io
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from world.published import first_difference, infer_origin  # noqa: E402 - it lies beside src
from world.table import Verdict, render  # noqa: E402 - as above


def wheel_bytes(members: dict[str, str], *, year: int = 2024) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 2, 3, 4, 6)), text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("generator", "backend"),
    [
        ("poetry-core 1.9.0", "poetry-core==1.9.0"),
        ("setuptools (75.1.0)", "setuptools==75.1.0"),
        ("bdist_wheel (0.43.0)", "wheel==0.43.0"),
        ("flit 3.12.0", "flit-core==3.12.0"),
        ("pdm-backend (2.4.5)", "pdm-backend==2.4.5"),
        ("a tool nobody knows 1.0", ""),
    ],
)
def test_a_wheel_betrays_its_backend_and_its_epoch(
    tmp_path: Path, generator: str, backend: str
) -> None:
    path = tmp_path / "kite-1-py3-none-any.whl"
    text = f"Wheel-Version: 1.0\nGenerator: {generator}\n"
    path.write_bytes(wheel_bytes({"kite-1.dist-info/WHEEL": text}))
    origin = infer_origin(path)
    assert origin.backend == backend
    assert origin.constraints == ((backend,) if backend else ())
    assert origin.epoch_s == 1_704_164_646


def test_the_first_cause_is_a_member_and_never_only_the_record() -> None:
    one = wheel_bytes({"a.py": "1", "kite.dist-info/RECORD": "a"})
    other = wheel_bytes({"a.py": "2", "kite.dist-info/RECORD": "b"})
    assert first_difference(one, other) == "contents of a.py"
    more = wheel_bytes({"a.py": "1", "b.py": "", "kite.dist-info/RECORD": "a"})
    assert first_difference(one, more) == "only rebuilt: b.py"
    assert first_difference(more, one) == "only published: b.py"


def test_the_table_counts_what_it_shows() -> None:
    def row(outcome: str, reason: str = "") -> Verdict:
        return Verdict(
            rank=1,
            project="kite",
            version="1",
            wheel="kite-1-py3-none-any.whl",
            backend="flit-core==3.12.0",
            outcome=outcome,
            reason=reason,
        )

    page = render([row("identical"), row("different", "contents of a|b.py")])
    assert "1 of 2 are identical or equivalent (50%)" in page
    assert "contents of a\\|b.py" in page

"""Projects that `make examples` does not hold, built by what `init` writes for them."""

from pathlib import Path

import pytest

from sealift.testing.checkout import Checkout
from sealift.testing.projects import RunSealift

PROGRAM = '#include <stdio.h>\nint main(void) { puts("reed"); return 0; }\n'
MESON = {
    "reed.c": PROGRAM,
    "meson.build": "project('reed', 'c', license: 'MIT')\n"
    "reed = executable('reed', 'reed.c', install: true)\ntest('says', reed)\n",
}
AUTOTOOLS = {
    "reed.c": PROGRAM,
    "configure.ac": "AC_INIT([reed], [1.0])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\n"
    "AC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
    "Makefile.am": "bin_PROGRAMS = reed\nreed_SOURCES = reed.c\nTESTS = reed\n",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "files"), [("meson", MESON), ("automake", AUTOTOOLS)], ids=["meson", "autotools"]
)
def test_a_small_program_is_built_tested_and_packed_twice_alike(
    tmp_path: Path, run_sealift: RunSealift, program: str, files: dict[str, str]
) -> None:
    if not Path("/usr/bin", program).exists():
        pytest.skip(f"{program} is not installed")
    checkout = Checkout.create(tmp_path / "reed")
    for path, text in files.items():
        checkout.write(path, text)
    home = {"HOME": str(tmp_path), "SEALIFT_HOME": str(tmp_path / "home")}
    folder = ("-C", str(checkout.folder))
    begun = run_sealift(("init", *folder), home)
    assert begun.exit_code == 0, begun.stderr
    checkout.commit()
    ran = run_sealift(("release", "--snapshot", "--json", *folder), home)
    assert ran.exit_code == 0, ran.stderr
    assert [one["kind"] for one in ran.data()["package"]["artifacts"]] == ["tar", "deb"]
    assert ran.stderr.count("identical") == 3

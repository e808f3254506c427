import pytest

from sealift.core.errors import ConfigError
from sealift.stations.build.probe import judge_probe

OUTSIDE = {kind: f"{kind}:[1]" for kind in ("ipc", "mnt", "net", "pid", "user", "uts", "cgroup")}
SOUND = """\
uid 1000
host sealift
capabilities 0000000000000000
capabilities 0000000000000000
no-new-privileges 1
seccomp 0
namespace cgroup cgroup:[2]
namespace ipc ipc:[2]
namespace mnt mnt:[2]
namespace net net:[2]
namespace pid pid:[2]
namespace user user:[2]
namespace uts uts:[2]
interface lo
variables PATH PWD
"""


def judge(text: str) -> dict[str, str]:
    return dict(judge_probe(text, outside_namespaces=OUTSIDE, user_id=1000, hostname="sealift"))


def test_sound_probe_gives_its_facts() -> None:
    facts = judge(SOUND)
    assert facts["namespaces"] == "cgroup ipc mnt net pid user uts"
    assert facts["seccomp"] == "no"


def test_missing_cgroup_namespace_is_recorded_but_no_hole() -> None:
    facts = judge(SOUND.replace("cgroup:[2]", "cgroup:[1]"))
    assert facts["namespaces"] == "ipc mnt net pid user uts"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("net:[2]", "net:[1]", "separate namespaces"),
        ("pid:[2]", "pid:[1]", "separate namespaces"),
        ("interface lo", "interface lo\ninterface eth0", "interfaces are"),
        ("interface lo\n", "", "interfaces are"),
        ("capabilities 0000000000000000", "capabilities 0000000000000400", "capabilities are"),
        ("no-new-privileges 1", "no-new-privileges 0", "gain privileges"),
        ("uid 1000", "uid 0", "the user is"),
        ("host sealift", "host laptop", "the host name is"),
        ("variables", "writable /usr/probe\nvariables", "writable is"),
        ("PATH PWD", "PATH PWD SECRET", "variables are"),
        (SOUND, "", "separate namespaces"),
    ],
)
def test_each_missing_wall_is_named_and_stops_the_build(old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        judge(SOUND.replace(old, new))

"""A build that is not reproducible is explained: where, what, and which change does it."""

import json

from sealift.testing.projects import Maintainer, tide_manifest

RUN = 'run = "./build.sh"'


def test_build_that_keeps_its_umask_is_explained_to_the_very_member(newcomer: Maintainer) -> None:
    packs = "mkdir usr; cp README usr; tar --sort=name --mtime=@0 --owner=0 --group=0 -czf"
    script = f"run = '''mkdir $SEALIFT_OUT/usr; {packs} $SEALIFT_OUT/usr/a.tar.gz usr'''"
    newcomer.keep(tide_manifest((RUN, script)))
    refusal = newcomer.refused("build", "compile", "--explain", exit_code=4, once=True)
    assert "`usr/a.tar.gz` → " in refusal.fact
    assert "has mode 0755 in the first run, 0700 in the second" in refusal.fact
    assert "likely source: umask" in refusal.fact
    assert refusal.fact.endswith("; a change of umask alone is enough")


def test_build_that_differs_in_metadata_alone_is_equivalent_by_name(newcomer: Maintainer) -> None:
    script = (
        "run = '''umask 022; mkdir $SEALIFT_OUT/usr; cp README r; "
        "tar --mtime=@$(date +%s) --owner=0 --group=0 --mode=644 -cf $SEALIFT_OUT/usr/a.tar r'''"
    )
    newcomer.keep(tide_manifest((RUN, script)))
    ran = newcomer.run("build", "compile", "--verify", "--json")
    assert ran.exit_code == 0, ran.stderr
    proof = json.loads(ran.stdout)["stages"][0]["reproduction"]
    assert proof["outcome"] == "equivalent", proof
    assert proof["stabilisers"] == ["tar-metadata@1"]
    assert "equal after tar-metadata@1" in ran.stderr

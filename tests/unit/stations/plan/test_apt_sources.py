"""Sources of a suite: what serves it, and nothing else that a machine has."""

from sealift.stations.plan.apt_sources import sources_of_suite

DEBIAN = """\
# the distribution
Types: deb deb-src
URIs: https://mirror.example/debian
Suites: bookworm bookworm-updates trixie
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: https://mirror.example/security
Suites: bookworm-security
Components: main
"""


def test_stanzas_of_the_suite_its_updates_and_its_security_are_taken() -> None:
    assert sources_of_suite([("debian.sources", DEBIAN)], "bookworm") == (
        "Types: deb\nURIs: https://mirror.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main contrib\nSigned-By: /usr/share/keyrings/debian.gpg\n"
        "\n"
        "Types: deb\nURIs: https://mirror.example/security\nSuites: bookworm-security\n"
        "Components: main\n"
    )


def test_lines_of_the_old_form_are_taken_too() -> None:
    text = (
        "# deb https://mirror.example/off bookworm main\n"
        "deb [arch=amd64 signed-by=/etc/key.gpg] https://mirror.example/debian bookworm main # a\n"
        "deb-src https://mirror.example/debian bookworm main\n"
        "deb https://mirror.example/debian trixie main\n"
    )
    assert sources_of_suite([("sources.list", text)], "bookworm") == (
        "Types: deb\nURIs: https://mirror.example/debian\nSuites: bookworm\n"
        "Components: main\nSigned-By: /etc/key.gpg\n"
    )


def test_sources_of_others_and_those_switched_off_never_enter_a_root() -> None:
    others = (
        "Types: deb\nURIs: https://vendor.example\nSuites: stable nodistro\nComponents: main\n\n"
        "Enabled: no\nTypes: deb\nURIs: https://mirror.example/debian\nSuites: bookworm\n\n"
        "Types: deb-src\nURIs: https://mirror.example/debian\nSuites: bookworm\n"
    )
    assert not sources_of_suite([("vendor.sources", others)], "bookworm")
    assert not sources_of_suite([("debian.sources", DEBIAN)], "book")


def test_key_written_into_the_stanza_stays_whole() -> None:
    text = (
        "Types: deb\nURIs: https://mirror.example\nSuites: bookworm\nSigned-By:\n"
        " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ\n"
    )
    assert sources_of_suite([("a.sources", text)], "bookworm").endswith(
        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ\n"
    )

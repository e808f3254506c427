import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from sealift.stations.plan.poetry_constraint import poetry_requirements, poetry_specifier


@pytest.mark.parametrize(
    ("constraint", "specifier"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        (">=4.0.0, <5.0", ">=4.0.0,<5.0"),
        ("1.2.3", "==1.2.3"),
        ("1.2.*", "==1.2.*"),
        ("~=1.2", "~=1.2"),
        ("*", ""),
        ("^1 || ^2", ""),
    ],
)
def test_poetry_constraint_says_the_same_for_everybody(constraint: str, specifier: str) -> None:
    assert poetry_specifier(constraint) == specifier


@given(st.lists(st.integers(0, 9), min_size=1, max_size=3))
def test_caret_admits_its_own_version_and_not_the_next_first_number(parts: list[int]) -> None:
    version = ".".join(map(str, parts))
    admitted = SpecifierSet(poetry_specifier(f"^{version}"))
    assert version in admitted
    assert f"{parts[0] + 1}.0" not in admitted


def test_poetry_table_becomes_requirements() -> None:
    table: dict[str, object] = {
        "python": ">=3.8.0",
        "typing-extensions": {"version": ">=4.0.0, <5.0", "python": "<3.11"},
        "pygments": "^2.13.0",
        "ipywidgets": {"version": ">=7.5.1,<9", "optional": True},
        "markdown-it-py": ">=2.2.0",
        "local": {"path": "../local"},
        "many": [
            {"version": "^1.0", "python": "<3.9"},
            {"version": "^2.0", "markers": "sys_platform == 'linux'"},
        ],
        "with-extra": {"version": "*", "extras": ["fast"]},
        "broken": {"version": ">=not a version"},
    }
    found = poetry_requirements(table)
    assert found == (
        'typing-extensions<5.0,>=4.0.0; python_version < "3.11"',
        "pygments<3,>=2.13.0",
        "markdown-it-py>=2.2.0",
        'many<2,>=1.0; python_version < "3.9"',
        'many<3,>=2.0; sys_platform == "linux"',
        "with-extra[fast]",
        # What cannot be read bounds nothing.
        "broken",
    )
    assert all(Requirement(one) for one in found)


@example("\\0")
@given(st.text(max_size=20))
def test_any_constraint_gives_requirements_or_none(text: str) -> None:
    for one in poetry_requirements({"x": text, "y": {"version": "1", "python": text}}):
        Requirement(one)

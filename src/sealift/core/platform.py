"""Platforms in OCI's words: `linux/amd64`, or `any` for what runs everywhere."""

from typing import Final, Self

from sealift.core.errors import ConfigError

_DEBIAN: Final = {"amd64": "amd64", "arm64": "arm64", "386": "i386", "riscv64": "riscv64"}
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386", "riscv64": "riscv64"}


class Platform:
    """An operating system and an architecture, named as Go and OCI name them. Immutable."""

    __slots__ = ("name",)
    name: str

    def __init__(self, name: str) -> None:
        """Refuse anything but `any` or `os/architecture`."""
        if name != "any" and (name.count("/") != 1 or not all(name.split("/"))):
            raise ConfigError(
                fact=f"`{name}` is no platform", expected="`any` or e.g. `linux/amd64`"
            )
        object.__setattr__(self, "name", name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a platform is immutable: {name} cannot become {value!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Platform) and self.name == other.name

    def __lt__(self, other: "Platform") -> bool:
        return self.name < other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Platform({self.name!r})"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `any` or `os/architecture`; raise ConfigError otherwise."""
        return cls(text)

    @classmethod
    def of_machine(cls, machine: str) -> Self:
        """Name the Linux platform of what `uname -m` prints; raise ConfigError if unknown."""
        if machine not in _MACHINES:
            raise ConfigError(
                fact=f"machine `{machine}` is not known", expected=", ".join(_MACHINES)
            )
        return cls(f"linux/{_MACHINES[machine]}")

    @property
    def debian_architecture(self) -> str:
        """What dpkg calls it; `all` for `any`."""
        if self.name == "any":
            return "all"
        return _DEBIAN[self.name.partition("/")[2]]

    def __str__(self) -> str:
        return self.name


ANY: Final = Platform("any")

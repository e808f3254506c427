"""Limits on memory and processes by control groups, where this process may make them.

One group a run, below the group of this process or the nearest one above it that takes children:
version 1 with its tree for each controller, or version 2. Where neither can be written (an ordinary
user without a delegated group) there is none, and resource limits of each process must do.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from sealift.base.edge.port import Clock
from sealift.core.limits import CONTROL_GROUP_REMOVAL_S

_CONTROLLERS: Final = frozenset({"memory", "pids"})
_OWN_GROUPS: Final = Path("/proc/self/cgroup")
_MOUNT_POINT: Final = Path("/sys/fs/cgroup")
_REMOVAL_PAUSE_S: Final = 0.001
_JOIN_SCRIPT: Final = (
    'while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """Where groups can be made: a folder of one hierarchy, and which limits it enforces."""

    folder: Path
    controllers: frozenset[str]
    unified: bool


class ControlGroup:
    """One run's group, in one folder or (version 1) one a controller."""

    def __init__(self, folders: tuple[tuple[Path, _Tree], ...]) -> None:
        self._folders = folders

    def joining(self) -> tuple[str, ...]:
        """Return the argv prefix that enters the group before it becomes the command."""
        if not self._folders:
            return ()
        files = (str(folder / "cgroup.procs") for folder, _ in self._folders)
        return ("/bin/sh", "-c", _JOIN_SCRIPT, "sealift", *files, "--")

    def limits_hit(self) -> tuple[str, ...]:
        """Return which limits stopped something: `memory`, `processes`."""
        return tuple(
            name
            for name, controller in (("memory", "memory"), ("processes", "pids"))
            if any(
                controller in tree.controllers and _was_hit(folder, controller, tree)
                for folder, tree in self._folders
            )
        )


class ControlGroups:
    """Make groups. `family` tells the groups of this set of process numbers from all others'."""

    def __init__(
        self,
        *,
        clock: Clock,
        family: str,
        process_id: int,
        own_groups: Path = _OWN_GROUPS,
        mount_point: Path = _MOUNT_POINT,
    ) -> None:
        self._clock = clock
        self._token = f"{family}-{process_id}"
        self._numbers = count(1)
        self._trees = tuple(_find_trees(own_groups, mount_point, token=self._token))
        for tree in self._trees:
            _sweep(tree.folder, family)

    @property
    def controllers(self) -> frozenset[str]:
        """What can be limited: `memory`, `pids`, both or nothing."""
        return frozenset().union(*(tree.controllers for tree in self._trees))

    @contextmanager
    def open(self, *, memory_bytes: int, processes_max: int) -> Iterator[ControlGroup]:
        """Yield a group with these limits; it is gone when the block ends."""
        name = f"sealift-{self._token}-{next(self._numbers)}"
        with ExitStack() as stack:
            folders = []
            for tree in self._trees:
                folder = tree.folder / name
                folder.mkdir()
                stack.callback(self._remove, folder)
                _limit(folder, tree, memory_bytes=memory_bytes, processes_max=processes_max)
                folders.append((folder, tree))
            yield ControlGroup(tuple(folders))

    def _remove(self, folder: Path) -> None:
        """Remove a group once the last of its killed processes has left."""
        until = self._clock.monotonic_s() + CONTROL_GROUP_REMOVAL_S
        while not _removed(folder) and self._clock.monotonic_s() < until:
            self._clock.sleep(_REMOVAL_PAUSE_S)


def _sweep(place: Path, family: str) -> None:
    """Remove the groups of processes that are gone: a killed one cannot clean up after itself."""
    for folder in place.glob(f"sealift-{family}-*-*"):
        owner = folder.name.split("-")[-2]
        if not Path("/proc", owner).exists():
            _removed(folder)


def _find_trees(own_groups: Path, mount_point: Path, *, token: str) -> Iterator[_Tree]:
    try:
        lines = own_groups.read_text(encoding="ascii").splitlines()
    except OSError:
        return
    found: set[str] = set()
    for line in lines:
        # proc(5), cgroups(7): hierarchy, controllers, path; version 2 has no controllers here.
        _, controllers, path = line.split(":", 2)
        unified = not controllers
        wanted = _CONTROLLERS - found
        here = frozenset(controllers.split(",")) & wanted if not unified else wanted
        if not here:
            continue
        root = mount_point if unified else mount_point / controllers
        tree = _usable_tree(root, path, here, unified=unified, token=token)
        if tree is not None:
            found |= tree.controllers
            yield tree


def _usable_tree(
    root: Path, path: str, wanted: frozenset[str], *, unified: bool, token: str
) -> _Tree | None:
    """Try a group here, then in the groups above: the first that takes one with its limits."""
    place = root / path.lstrip("/")
    while place.is_relative_to(root):
        offered = wanted & _offered(place) if unified else wanted
        tree = _Tree(folder=place, controllers=offered, unified=unified)
        if offered and _takes_children(tree, token):
            return tree
        if place == root:
            break
        place = place.parent
    return None


def _offered(place: Path) -> frozenset[str]:
    """Return what a child would have. Nothing is switched on: the group may be somebody else's."""
    try:
        return frozenset((place / "cgroup.subtree_control").read_text(encoding="ascii").split())
    except OSError:
        return frozenset()


def _takes_children(tree: _Tree, token: str) -> bool:
    folder = tree.folder / f"sealift-{token}-0"
    try:
        folder.mkdir()
    except OSError:
        return False
    try:
        _limit(folder, tree, memory_bytes=1 << 30, processes_max=1)
    except OSError:
        return False
    finally:
        _removed(folder)
    return True


def _limit(folder: Path, tree: _Tree, *, memory_bytes: int, processes_max: int) -> None:
    if "pids" in tree.controllers:
        (folder / "pids.max").write_text(str(processes_max))
    if "memory" in tree.controllers:
        name = "memory.max" if tree.unified else "memory.limit_in_bytes"
        (folder / name).write_text(str(memory_bytes))
        # Memory that is swapped out counts as well, where the kernel keeps that account.
        swap = folder / ("memory.swap.max" if tree.unified else "memory.memsw.limit_in_bytes")
        if swap.exists():
            swap.write_text("0" if tree.unified else str(memory_bytes))


def _was_hit(folder: Path, controller: str, tree: _Tree) -> bool:
    if controller == "pids":
        return _counted(folder / "pids.events", "max")
    events = "memory.events" if tree.unified else "memory.oom_control"
    return _counted(folder / events, "oom_kill")


def _counted(path: Path, key: str) -> bool:
    """Tell whether the line `key N` of a file has an N above zero."""
    try:
        rows = (line.split() for line in path.read_text(encoding="ascii").splitlines())
        return any(row[0] == key and int(row[1]) > 0 for row in rows)
    except OSError:
        return False


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True

"""The two projects of the demo, as their authors published them, and how they become checkouts."""

import hashlib
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.screen import DemoFailed, good, run

AUTHOR: Final = {
    "GIT_AUTHOR_NAME": "Sealift demo",
    "GIT_AUTHOR_EMAIL": "demo@sealift.invalid",
    "GIT_COMMITTER_NAME": "Sealift demo",
    "GIT_COMMITTER_EMAIL": "demo@sealift.invalid",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One file on the package index, pinned."""

    project: str
    filename: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoProject:
    """One project: where its source lies and what its maintainer would type.

    `inner` is the tarball inside the upstream file, when the source travels in another's sdist.
    """

    name: str
    version: str
    upstream: Upstream
    inner: str
    commit_date: str
    init_options: tuple[str, ...] = ()
    lock_options: tuple[str, ...] = ()


RICH: Final = DemoProject(
    name="rich",
    version="13.9.4",
    upstream=Upstream(
        project="rich",
        filename="rich-13.9.4.tar.gz",
        sha256="439594978a49a09530cff7ebc4b5c7103ef57baf48d5ea3184f21d9a2befa098",
    ),
    inner="",
    commit_date="2024-11-01T16:43:51+00:00",
    lock_options=("--constraint", "poetry-core==1.9.0"),
)
RICH_WHEEL: Final = Upstream(
    project="rich",
    filename="rich-13.9.4-py3-none-any.whl",
    sha256="6049d5e6ec054bf2779ab3358186963bac2ea89175919d699e378b99738c2a90",
)
JQ: Final = DemoProject(
    name="jq",
    version="1.8.2",
    upstream=Upstream(
        project="jq",
        filename="jq-1.13.0.tar.gz",
        sha256="e62bdddeab3b8a0a404581a7bb6f1e8c4cc6082280870031f746074f4cac52c0",
    ),
    inner="jq-1.13.0/deps/jq-1.8.2.tar.gz",
    commit_date="2026-06-01T12:00:00+00:00",
    init_options=(
        "--configure-option=--with-oniguruma=builtin",
        "--configure-option=--disable-docs",
    ),
)


def sha256_of(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def source_archive(project: DemoProject, downloaded: Path, folder: Path) -> Path:
    """Return the source tarball: the upstream file itself, or the one inside it."""
    if not project.inner:
        return downloaded
    target = folder / Path(project.inner).name
    with tarfile.open(downloaded) as outer:
        member = outer.extractfile(project.inner)
        if member is None:
            raise DemoFailed(f"{downloaded.name} holds no {project.inner}")
        with target.open("wb") as file:
            shutil.copyfileobj(member, file)
    return target


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a source archive without its top folder."""
    place = folder.parent / f".{folder.name}-unpacked"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        # "data" keeps executable bits and drops owners, which git would find dubious.
        tar.extractall(place, filter="data")
    (inner,) = place.iterdir()
    inner.rename(folder)
    place.rmdir()


def make_checkout(
    project: DemoProject, archive: Path, folder: Path, environment: Mapping[str, str]
) -> None:
    """Make a git repository whose first commit is the archive; author and date are fixed."""
    shutil.rmtree(folder, ignore_errors=True)
    unpack(archive, folder)
    git = {**environment, **AUTHOR, **dates(project.commit_date)}
    for command in (
        ["git", "init", "--quiet", "--initial-branch=main"],
        ["git", "add", "--all", "--force"],
        ["git", "commit", "--quiet", "--message", f"Import {archive.name}"],
    ):
        run(command, folder=folder, environment=git, quiet=True)
    good(f"{archive.name} (sha256 {sha256_of(archive)[:16]}…) is a git commit")


def commit_and_tag(
    project: DemoProject,
    folder: Path,
    signing_key: Path,
    root_sha256: str,
    environment: Mapping[str, str],
) -> None:
    """Commit manifest and lock, sign the version tag; it carries the root's fingerprint."""
    git = {**environment, **AUTHOR, **dates(project.commit_date)}
    run(["git", "add", "--all"], folder=folder, environment=git, quiet=True)
    run(
        ["git", "commit", "--quiet", "--message", "Release with Sealift"],
        folder=folder,
        environment=git,
        show='git commit --all --message "Release with Sealift"',
    )
    message = f"{project.name} {project.version}\n\nSealift-Root: sha256:{root_sha256}\n"
    run(
        [
            "git",
            "-c",
            "gpg.format=ssh",
            "-c",
            f"user.signingkey={signing_key}",
            "tag",
            "--sign",
            f"v{project.version}",
            "--message",
            message,
        ],
        folder=folder,
        environment=git,
        show=f"git tag --sign v{project.version}",
    )


def dates(date: str) -> dict[str, str]:
    """Return the variables that fix both of git's dates."""
    return {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}

"""A Debian package of a stage's output, by nfpm, with Depends computed by dpkg-shlibdeps.

Libraries that the package itself brings are named in `debian/shlibs.local` without a dependency,
so that only foreign ones ask for packages. A library that no package has ends the action.
"""

import json
import re
from typing import Final

from sealift.core.action import ActionInput
from sealift.core.errors import ConfigError
from sealift.core.platform import ANY
from sealift.core.release import ProjectFacts
from sealift.core.sandbox import INPUTS_FOLDER
from sealift.core.tree import TreeEntry
from sealift.core.version import Version
from sealift.stations.package.model import Make, PackageRequest, file_name_part
from sealift.stations.package.recipe import listed, package_action, quoted

NFPM: Final = "nfpm"
_TOOL_INPUT: Final = "tool-nfpm"
_DPKG_DATABASE: Final = "/var/lib/dpkg"
_ROOT: Final = "/build/work/root"
_SECTION: Final = "misc"
_PRIORITY: Final = "optional"
# Debian Policy 5.6.1.
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+\Z")
_LIBRARY: Final = re.compile(r"(?:^|/)lib/(?:[^/]+/)?[^/]+[.]so(?:[.]|$)")
_FIRST_WORD: Final = re.compile(r"[.-]?(?=[A-Za-z])")

_COPY: Final = """\
mkdir -p {root}
cd {stage}
{copy}
"""

# Modes and times of a package are neither the builder's umask nor the builder's clock. The folder
# DEBIAN makes this the package's own root for dpkg-shlibdeps.
_FIXED: Final = """\
find {root} -type d -exec chmod 0755 {{}} +
find {root} -type f -perm -u=x -exec chmod 0755 {{}} +
find {root} -type f ! -perm -u=x -exec chmod 0644 {{}} +
find {root} -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {{}} +
mkdir {root}/DEBIAN
"""

# Only what is linked at run time counts: programs, and libraries by their names.
_FIND_BINARIES: Final = """\
mkdir -p /build/work/shlibs/debian
cd /build/work/shlibs
printf 'Source: %s\\n\\nPackage: %s\\nArchitecture: any\\n' {name} {name} > debian/control
: > debian/shlibs.local
: > binaries
: > folders
find {root} -type f '(' -perm -u=x -o -name '*.so' -o -name '*.so.*' ')' | LC_ALL=C sort > files
while IFS= read -r file; do
  test "$(head -c 4 "$file" | od -An -tx1 | tr -d ' ')" = 7f454c46 || continue
  printf '%s\\n' "$file" >> binaries
  dirname "$file" >> folders
  objdump -p "$file" | sed -n 's/^ *SONAME *//p' | sed -n \\
    -e 's/^\\(.*\\)[.]so[.]\\(.*\\)$/\\1 \\2/p' -e 's/^\\(.*\\)-\\([0-9].*\\)[.]so$/\\1 \\2/p' \\
    >> debian/shlibs.local
done < files
"""

_SHARED_LIBRARIES: Final = """\
if test -s binaries; then
  set --
  while IFS= read -r folder; do set -- "$@" "-l$folder"; done < folders
  while IFS= read -r file; do set -- "$@" "-e$file"; done < binaries
  dpkg-shlibdeps -O "-x$NAME" "$@" > substvars
  echo 'depends:' >> nfpm.yaml
  sed -n 's/^shlibs:Depends=//p' substvars | tr ',' '\\n' | sed 's/^ *//;s/ *$//' \\
    | LC_ALL=C sort | sed -n 's/\\(..*\\)/- "\\1"/p' >> nfpm.yaml
fi
"""

_PACK: Final = """\
cat nfpm.yaml
DOLLAR='$' {nfpm} package --config nfpm.yaml --packager deb --target "$SEALIFT_OUT"/{file}
dpkg-deb --info "$SEALIFT_OUT"/{file}
dpkg-deb --contents "$SEALIFT_OUT"/{file}
"""


class DebPackager:
    """The port `Packager` for `.deb` files."""

    tools: tuple[str, ...] = (NFPM,)

    def draft(self, request: PackageRequest) -> Make:
        """Return the action that packs the stage's tree, or one output of it."""
        name = _package_name(request)
        version = file_name_part(debian_version(request.project.version), where=request.where)
        architecture = request.package.platform.debian_architecture
        file = f"{name}_{version}_{architecture}.deb"
        action = package_action(
            request,
            script=_script(request, name=name, version=version, file=file),
            path=file,
            tools=(ActionInput(name=_TOOL_INPUT, tree=request.tool(NFPM)),),
            reads=(_DPKG_DATABASE,),
        )
        return Make(action=action, path=file)


def debian_version(version: str) -> str:
    """Return how Debian writes a version: `~` sorts a pre-release before its release.

    `1.8.2` stays, `1.0rc1` becomes `1.0~rc1`, `2.0-beta.1` becomes `2.0~beta.1`.
    """
    if not Version(version).is_prerelease:
        return version
    public, plus, local = version.partition("+")
    return _FIRST_WORD.sub("~", public, count=1) + plus + local


def _package_name(request: PackageRequest) -> str:
    name = request.project.name.lower().replace("_", "-")
    if not _NAME.match(name):
        raise ConfigError(
            fact=f"`{request.project.name}` cannot name a Debian package",
            expected="two or more of [a-z0-9+.-], a letter or digit first (Debian Policy 5.6.1)",
            where=request.where,
            hint="set `project.name` in sealift.toml",
        )
    return name


def _script(request: PackageRequest, *, name: str, version: str, file: str) -> str:
    stage = quoted(f"{INPUTS_FOLDER}/{request.package.stage}")
    copy = f"cp -a . {_ROOT}"
    if request.is_narrowed:
        copy = f"printf %s {listed(request)} | xargs -d '\\n' cp -a --parents -t {_ROOT}"
    native = request.package.platform != ANY
    configuration = quoted(_configuration(request, name=name, version=version))
    return "".join(
        (
            f"NAME={quoted(name)}\n",
            _COPY.format(root=_ROOT, stage=stage, copy=copy),
            _copyright_lines(request, name=name),
            _FIXED.format(root=_ROOT),
            _FIND_BINARIES.format(root=_ROOT, name=quoted(name)),
            f"printf '%s\\n' {configuration} > nfpm.yaml\n",
            _SHARED_LIBRARIES if native else "",
            _PACK.format(nfpm=f"{INPUTS_FOLDER}/{_TOOL_INPUT}/nfpm", file=quoted(file)),
        )
    )


def _configuration(request: PackageRequest, *, name: str, version: str) -> str:
    """Return nfpm's configuration but for `depends`; JSON strings are YAML strings."""
    project = request.project
    fields = {
        "name": name,
        "arch": request.package.platform.debian_architecture,
        "platform": "linux",
        "version": version,
        "version_schema": "none",
        "section": _SECTION,
        "priority": _PRIORITY,
        "maintainer": project.maintainer or f"{project.name} maintainers",
        "description": project.description or f"{project.name} {project.version}",
        "homepage": project.homepage,
        "license": project.licence,
    }
    lines = [f"{key}: {json.dumps(_literal(value))}" for key, value in fields.items() if value]
    lines.append("contents:")
    lines += [f"- {json.dumps(content)}" for content in _contents(request)]
    if any(_LIBRARY.search(entry.path) for entry in request.entries()):
        # Debian Policy 8.1.1: who installs a shared library has its cache rebuilt.
        lines.append('deb: {"triggers": {"activate_noawait": ["ldconfig"]}}')
    return "\n".join(lines)


def _literal(text: str) -> str:
    """Return what nfpm, which expands variables in texts, expands to `text`; see `_PACK`."""
    return text.replace("$", "${DOLLAR}")


def _contents(request: PackageRequest) -> list[dict[str, str]]:
    """Return what goes in: whole top folders, and each file of `/etc` as configuration."""
    entries = request.entries()
    configuration = [
        {"src": f"{_ROOT}/{entry.path}", "dst": f"/{entry.path}", "type": "config"}
        if entry.kind == "file"
        else {"src": entry.target, "dst": f"/{entry.path}", "type": "symlink"}
        for entry in entries
        if entry.path.startswith("etc/")
    ]
    tops = {entry.path.partition("/")[0] for entry in entries if "/" in entry.path} - {"etc"}
    stray = [entry.path for entry in entries if not _has_place(entry)]
    if stray:
        raise ConfigError(
            fact=f"`{stray[0]}` has no place in a Debian package",
            expected="files below usr/, etc/, opt/, srv/ or var/",
            where=request.where,
            hint=f"install below /usr in stage `{request.package.stage}`",
        )
    tops.add("usr")
    return configuration + [
        {"src": f"{_ROOT}/{top}", "dst": f"/{top}", "type": "tree"} for top in sorted(tops)
    ]


def _has_place(entry: TreeEntry) -> bool:
    top, _, rest = entry.path.partition("/")
    return bool(rest) and top in {"usr", "etc", "opt", "srv", "var", "lib"}


def _copyright_lines(request: PackageRequest, *, name: str) -> str:
    """Return the lines that add the licence's notice where the project installs none."""
    path = f"usr/share/doc/{name}/copyright"
    if any(entry.path == path for entry in request.entries()):
        return ""
    folder = f"{_ROOT}/usr/share/doc/{name}"
    text = quoted(_copyright(request.project))
    return f"mkdir -p {folder}\nprintf '%s\\n' {text} > {folder}/copyright\n"


def _copyright(project: ProjectFacts) -> str:
    lines = [f"{project.name} {project.version}"]
    if project.homepage:
        lines.append(f"Source: {project.homepage}")
    lines.append(f"Licence, as the project declares it: {project.licence or 'not declared'}")
    return "\n".join(lines)

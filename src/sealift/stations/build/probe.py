"""Judge what a probe saw from inside the sandbox: each wall is there, or the build does not start.

The probe runs `PROBE_SCRIPT` in the very sandbox that builds will use, so that what the provenance
says about isolation was seen, not assumed.
"""

from typing import Final

from sealift.core.errors import ConfigError

PROBE_SCRIPT: Final = """
echo "uid $(id -u)"
echo "host $(uname -n)"
while read -r key value; do case "$key" in
  CapEff:|CapBnd:|CapPrm:|CapAmb:) echo "capabilities $value" ;;
  NoNewPrivs:) echo "no-new-privileges $value" ;;
  Seccomp:) echo "seccomp $value" ;;
esac; done < /proc/self/status
for kind in cgroup ipc mnt net pid user uts; do
  echo "namespace $kind $(readlink /proc/self/ns/$kind)"
done
while IFS=: read -r name rest; do case "$name" in
  *\\|*) ;;
  *) echo "interface" $name ;;
esac; done < /proc/net/dev
for path in /probe /usr/probe /etc/probe /proc/sys/kernel/core_pattern \
    /proc/sysrq-trigger; do
  if ( : >> "$path" ) 2> /dev/null; then echo "writable $path"; fi
done
echo "variables $(env | cut -d= -f1 | sort | tr '\\n' ' ')"
"""

# What the probe was given, and what the shell sets itself.
_KNOWN_VARIABLES: Final = frozenset({"PATH", "PWD", "OLDPWD", "SHLVL", "_"})
NAMESPACES: Final = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
_DEMANDED: Final = frozenset({"ipc", "mnt", "net", "pid", "user", "uts"})


def judge_probe(
    text: str, *, outside_namespaces: dict[str, str], user_id: int, hostname: str
) -> tuple[tuple[str, str], ...]:
    """Return the facts of the isolation; raise ConfigError naming the first wall that is missing.

    `outside_namespaces` maps a kind to the link that a process outside shows.
    """
    rows = [line.split(" ", 1) for line in text.splitlines() if " " in line]
    seen: dict[str, list[str]] = {}
    for key, value in rows:
        seen.setdefault(key, []).append(value.strip())
    inside = dict(value.split(" ", 1) for value in seen.get("namespace", []) if " " in value)
    separate = sorted(kind for kind, link in inside.items() if link != outside_namespaces.get(kind))
    variables = set("".join(seen.get("variables", [])).split()) - _KNOWN_VARIABLES
    capabilities = set(seen.get("capabilities", ["unknown"]))
    demands = (
        (set(separate) >= _DEMANDED, f"separate namespaces are {', '.join(separate)}"),
        (seen.get("interface") == ["lo"], f"interfaces are {seen.get('interface')}"),
        (capabilities == {"0" * 16}, f"capabilities are {sorted(capabilities)}"),
        (seen.get("no-new-privileges") == ["1"], "a program may gain privileges"),
        (seen.get("uid") == [str(user_id)], f"the user is {seen.get('uid')}"),
        (seen.get("host") == [hostname], f"the host name is {seen.get('host')}"),
        (not seen.get("writable"), f"writable is {seen.get('writable')}"),
        (not variables, f"variables are {sorted(variables)}"),
    )
    for holds, fact in demands:
        if not holds:
            raise ConfigError(
                fact=f"the sandbox has a hole: inside, {fact}",
                expected="every wall of the sandbox in place",
                hint="run `sealift doctor`, or build on a machine with a stock kernel",
            )
    return (
        ("namespaces", " ".join(separate)),
        ("interfaces", "lo"),
        ("capabilities", "none"),
        ("no-new-privileges", "yes"),
        ("root", "read-only"),
        ("seccomp", "no" if seen.get("seccomp") == ["0"] else "yes"),
    )

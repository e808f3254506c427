"""The systemd units that keep a published tree fresh; systemd.timer(5), systemd.service(5)."""

import sys
from dataclasses import dataclass
from pathlib import Path

from sealift.app.wiring import ONLINE_SECRET_VARIABLE, House
from sealift.core.errors import ConfigError

_SERVICE = """\
[Unit]
Description=Re-sign the published tree of {project}
Documentation=man:systemd.service(5)

[Service]
Type=oneshot
{environment}
ExecStart={program} site refresh --project {project}
"""
_TIMER = """\
[Unit]
Description=Re-sign the published tree of {project} every day

[Timer]
OnCalendar=daily
RandomizedDelaySec=1h
Persistent=true

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A service and its timer: file names in the user's unit folder, and their text."""

    folder: str
    service_name: str
    service: str
    timer_name: str
    timer: str
    installed: bool


def site_timer(house: House, project: str, *, install: bool) -> Timer:
    """Return the units that refresh a tree daily; with `install`, write them for this user.

    The service runs with the online keys alone. Raises ConfigError when the program or a path
    cannot be named in a unit.
    """
    house.root(project)
    program = Path(sys.argv[0]).absolute()
    variables = {"SEALIFT_HOME": str(house.home.folder)}
    if secret := house.world.environment.get(ONLINE_SECRET_VARIABLE):
        variables[ONLINE_SECRET_VARIABLE] = secret
    for text in (str(program), *variables.values()):
        if any(character in text for character in '"\\%\n'):
            raise ConfigError(
                fact=f"`{text}` cannot stand in a systemd unit",
                expected="a path without quotes, backslashes, per cent signs and line breaks",
                hint="export SEALIFT_HOME=/another/folder",
            )
    name = f"sealift-refresh-{project}"
    made = Timer(
        folder=str(_unit_folder(house)),
        service_name=f"{name}.service",
        service=_SERVICE.format(
            project=project,
            program=f'"{program}"',
            environment="\n".join(f'Environment="{k}={v}"' for k, v in variables.items()),
        ),
        timer_name=f"{name}.timer",
        timer=_TIMER.format(project=project),
        installed=install,
    )
    if install:
        folder = Path(made.folder)
        house.world.files.make_folder(folder)
        house.world.files.write_durably(folder / made.service_name, made.service.encode())
        house.world.files.write_durably(folder / made.timer_name, made.timer.encode())
    return made


def _unit_folder(house: House) -> Path:
    environment = house.world.environment
    settings = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '')}/.config"
    return Path(settings) / "systemd" / "user"

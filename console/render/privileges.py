"""The exact commands the login user may run as root. Sudoers and collectors both take them from here."""

from __future__ import annotations

from collections.abc import Callable

from console.model.profile import Profile

# keepalived answers SIGRTMIN+2 with a JSON dump; with glibc that is 36 on Linux. A build without JSON
# would die of it, so a collector asks `keepalived --signum=JSON` first and never sends another number.
JSON_SIGNAL = 36
JSON_DUMP = "/tmp/keepalived.json"  # noqa: S108 - the path is fixed inside keepalived
DATA_DUMP = "/tmp/keepalived.data"  # noqa: S108 - the path is fixed inside keepalived

Argv = tuple[str, ...]
AskDump = Callable[[Profile], Argv]


def ask_json_dump(profile: Profile) -> Argv:
    return _signal(profile, str(JSON_SIGNAL))


def ask_data_dump(profile: Profile) -> Argv:
    return _signal(profile, "SIGUSR1")


def read_dump(path: str) -> Argv:
    """Reads a dump file that only root can read.

    dd can refuse symbolic links; cat cannot, and /tmp is open to everyone.
    """
    return ("/usr/bin/dd", f"if={path}", "iflag=nofollow", "status=none")


def privileged_commands(profile: Profile) -> tuple[Argv, ...]:
    """Every command the console may run through `sudo -n`, in full."""
    return (
        ask_json_dump(profile),
        ask_data_dump(profile),
        read_dump(JSON_DUMP),
        read_dump(DATA_DUMP),
    )


def _signal(profile: Profile, signal: str) -> Argv:
    """`--kill-who` is the word every systemd knows; 252 added --kill-whom and kept the old one."""
    unit = f"{profile.keepalived.unit}.service"
    return ("/usr/bin/systemctl", "kill", "--kill-who=main", f"--signal={signal}", unit)

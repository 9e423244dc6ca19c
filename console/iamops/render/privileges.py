"""The exact commands the login user may run as root. Sudoers and collectors both take them from here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from iamops.model.profile import Profile

# keepalived answers SIGRTMIN+2 with a JSON dump; with glibc that is 36 on Linux. A build without JSON
# would die of it, so a collector asks `keepalived --signum=JSON` first and never sends another number.
JSON_SIGNAL = 36
JSON_DUMP = "/tmp/keepalived.json"  # noqa: S108 - the path is fixed inside keepalived
DATA_DUMP = "/tmp/keepalived.data"  # noqa: S108 - the path is fixed inside keepalived

# A reboot must clear a raised priority, and /run is what a reboot clears.
PRIORITY_FILE = "/run/iamops-priority."
DEAD_MAN = "iamops-dead-man-"
CONFIG_SCRIPT = "/usr/local/sbin/iamops-config"
CONFIG_DEAD_MAN = "iamops-dead-man-config"
# `restore` is for the timer and for our own undo; nobody but them calls `recover`.
CONFIG_VERBS = ("read", "stage", "check", "arm", "apply", "ready", "restore", "confirm", "history", "fetch")
VERBS = ("start", "stop", "restart", "reload")

Argv = tuple[str, ...]
AskDump = Callable[[Profile], Argv]


def _kill(unit: str, who: str, signal: str) -> Argv:
    """`--kill-who` is the word every systemd knows; 252 added --kill-whom and kept the old one."""
    return ("/usr/bin/systemctl", "kill", f"--kill-who={who}", f"--signal={signal}", f"{unit}.service")


def _ask_dump(profile: Profile, signal: str) -> Argv:
    return _kill(profile.keepalived.unit, "main", signal)


ask_json_dump = partial(_ask_dump, signal=str(JSON_SIGNAL))
ask_data_dump = partial(_ask_dump, signal="SIGUSR1")
# Every process of the unit stands still: connections are accepted by the kernel, nobody answers.
hang = partial(_kill, who="all", signal="SIGSTOP")
wake = partial(_kill, who="all", signal="SIGCONT")


def read_dump(path: str) -> Argv:
    """Reads a dump file that only root can read.

    dd can refuse symbolic links; cat cannot, and /tmp is open to everyone.
    """
    return ("/usr/bin/dd", f"if={path}", "iflag=nofollow", "status=none")


def control(verb: str, unit: str) -> Argv:
    """start, stop, restart or reload of one unit."""
    return ("/usr/bin/systemctl", verb, f"{unit}.service")


def controlled(argv: Argv) -> tuple[str, str] | None:
    """The verb and unit of a start, stop, restart, hang or wake, whatever stands before it; else None."""
    match argv:
        case (*_, "/usr/bin/systemctl", "start" | "stop" | "restart" as verb, unit) if unit.endswith(".service"):
            return verb, unit.removesuffix(".service")
        case (*_, "/usr/bin/systemctl", "kill", _, _, named) if named.endswith(".service"):
            own = argv[-len(hang("")) :]
            unit = named.removesuffix(".service")
            return next(((verb, unit) for verb, of in (("hang", hang), ("wake", wake)) if of(unit) == own), None)
    return None


def dead_man_unit(unit: str) -> str:
    """The transient unit that starts this one again, without its suffix. A fixed name makes it one at a time.

    No two undos share one: no unit of a profile has a colon in its name, nor begins with one. With an `@` systemd
    would take it for a template.
    """
    ours = unit == "config" or unit.startswith(("wake-", "priority-"))
    return f"{DEAD_MAN}{':' if ours else ''}{unit.replace('@', ':')}"


def _dead_man(of: str, name: str) -> str:
    return f"{DEAD_MAN}{of}-{name.replace('@', ':')}"


wake_dead_man = partial(_dead_man, "wake")
priority_dead_man = partial(_dead_man, "priority")


def config(verb: str) -> Argv:
    """One verb of the node's own script that replaces configuration files; what it needs comes on stdin."""
    return (CONFIG_SCRIPT, verb)


def arm(profile: Profile, dead_man: str, argv: Argv) -> Argv:
    """Has systemd carry out `argv` in a while, unless it is disarmed. Its default accuracy is a minute."""
    return (
        "/usr/bin/systemd-run",
        "--quiet",
        "--collect",
        f"--on-active={profile.safety.dead_man_s}s",
        "--timer-property=AccuracySec=50ms",
        f"--unit={dead_man}",
        *argv,
    )


def disarm(dead_man: str) -> Argv:
    return ("/usr/bin/systemctl", "stop", f"{dead_man}.timer")


def priority_file(instance: str) -> str:
    """The file whose number keepalived adds to the instance's priority (vrrp_track_file, weight 1)."""
    return f"{PRIORITY_FILE}{instance}"


def set_priority(instance: str) -> Argv:
    """The number comes on stdin. No more is read than a number has: /run is small, and everybody's."""
    return ("/usr/bin/dd", f"of={priority_file(instance)}", "bs=16", "count=1", "oflag=nofollow", "status=none")


def older(argv: Argv) -> Argv | None:
    """What a sudoers file of 0.6.0 lists in its place, whatever stands before the command; None: the same."""
    match argv:
        case (*before, "/usr/bin/dd", path, "bs=16", "count=1", "oflag=nofollow", "status=none"):
            if path.startswith(f"of={PRIORITY_FILE}"):
                return (*before, "/usr/bin/tee", path.removeprefix("of="))
    return None


def reset_priority(instance: str) -> Argv:
    """An empty track file counts as 0. One argv without a shell, so that a timer can carry it."""
    return ("/usr/bin/truncate", "--size=0", priority_file(instance))


def check_nginx_config() -> Argv:
    return ("/usr/sbin/nginx", "-t", "-q")


def check_keepalived_config() -> Argv:
    return ("/usr/sbin/keepalived", "-t")


def privileged_commands(profile: Profile, node: str | None = None) -> tuple[Argv, ...]:
    """Every command the console may run through `sudo -n` on a node (None: on any), in full."""
    commands = [
        ask_json_dump(profile),
        ask_data_dump(profile),
        read_dump(JSON_DUMP),
        read_dump(DATA_DUMP),
        check_nginx_config(),
        check_keepalived_config(),
    ]
    nodes = profile.nodes if node is None else (node,)
    for unit in dict.fromkeys(unit for name in nodes for unit in profile.actionable_units_on(name)):
        dead_man = dead_man_unit(unit)
        commands += [control(verb, unit) for verb in VERBS]
        commands += [arm(profile, dead_man, control("start", unit)), disarm(dead_man)]
    # A drill may make nginx hang, and nothing else.
    nginx = profile.nginx.unit
    dead_man = wake_dead_man(nginx)
    commands += [hang(nginx), wake(nginx), arm(profile, dead_man, wake(nginx)), disarm(dead_man)]
    # Who may replace these files is root in effect: without these lines a console only looks.
    commands += [*map(config, CONFIG_VERBS), disarm(CONFIG_DEAD_MAN)]
    for instance in profile.vrrp:
        dead_man, reset = priority_dead_man(instance), reset_priority(instance)
        commands += [set_priority(instance), reset, arm(profile, dead_man, reset), disarm(dead_man)]
    return tuple(commands)

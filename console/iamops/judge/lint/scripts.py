"""Rules about the scripts that keepalived runs: check scripts in full, notify scripts only that they are safe."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise

from iamops.judge.lint.finding import Hit
from iamops.judge.lint.keepalived import DIRECTORY, keeps_modes, notifies, running
from iamops.judge.lint.tree import RETURNS, ConfigTree, returns_at
from iamops.model.config import ConfFile
from iamops.parse.nginx.conf import servers
from iamops.parse.nginx.routing import passes
from iamops.parse.shell import Command, commands, interpreter, runs

OTHERS_WRITE = 0o022
EXECUTABLE = 0o111
SHELLS = ("", "sh", "bash", "dash", "ksh", "zsh", "ash")
# Tools that a minimal system lacks.
OPTIONAL = ("telnet", "nc", "ncat", "curl", "wget", "killall", "pidof", "nmap")
# Programs that speak to a service; `check_…` are the plugins of monitoring systems.
ASKING = {
    "curl", "wget", "nc", "ncat", "telnet", "nmap", "ab", "socat", "openssl", "http", "httpie", "dig", "nslookup",
    "ping", "ping6", "fping", "mysql", "mysqladmin", "psql", "pg_isready", "redis-cli", "snmpget", "ssh",
    "rabbitmqctl", "rabbitmq-diagnostics", "kubectl", "etcdctl", "ldapsearch", "grpc_health_probe",
}  # fmt: skip
_ASKS = re.compile(r"check_\w+|python[0-9.]*|perl|ruby|php|node|java")
# Where an address stands that is looked for, and asked nothing.
LOCAL = {"ip", "ifconfig", "hostname"}
MANAGERS = {"systemctl", "service", "rc-service", "invoke-rc.d", "supervisorctl", "docker", "podman", "initctl"}
ACTS = {
    "start", "stop", "restart", "reload", "kill", "try-restart", "reload-or-restart", "try-reload-or-restart",
    "condrestart", "force-reload", "isolate", "mask", "disable", "pause", "unpause", "poweroff", "reboot",
}  # fmt: skip
SHUTS = {"reboot", "poweroff", "shutdown", "halt"}
# `os.system("…")`, `subprocess.run(["…", "…"])` and their like.
_CALL = re.compile(
    r"^[^#]*\b(?:system|popen|run|call|check_call|check_output|exec|Popen)\(\s*"
    r"(?:f?(?P<quote>['\"])(?P<text>.*?)(?P=quote)|\[(?P<list>[^\]]*)\])"
)
_QUOTED = re.compile(r"(['\"])(.*?)\1")
# nginx with one of these only tests or tells.
_NGINX_TELLS = re.compile(r"-[tTvVhq?]+")


def script_hits(tree: ConfigTree) -> Iterator[Hit]:
    beyond = _beyond(tree) if tree.checks else None
    entries = [entry for block in tree.keepalived.all("global_defs") for entry in block.block or ()]
    by_default = next((entry.arg for entry in entries if entry.name == "script_user"), "root")
    for check in running(tree):
        if "script" in check.unknown or not check.script:
            continue
        where = (tree.name, check.file, check.at("script"))
        path, through, text = runs(_words(check.script))
        root = (check.user or by_default) == "root"
        if text:
            # `sh -c '…'`: what it runs is written here.
            yield from _content(commands(text, check.at("script")), tree.name, check.file, beyond)
        elif not path.startswith(DIRECTORY):
            # A script elsewhere is not at hand, and that says nothing; a command is its own script.
            words = _words(check.script)
            own = commands(shlex.join(words), check.at("script"))
            yield from _content(own, tree.name, check.file, beyond)
        elif (script := tree.files.get(path)) is None:
            if "$" not in path:
                yield Hit("S005", f"{check.name} runs {path}, which is not there", *where)
        else:
            yield from _runnable(tree, script, through=through, root=root)
            yield from _content(_commands(script.content), tree.name, path, beyond)
    seen: set[str] = set()
    for entry in notifies(tree):
        words = _words(entry.arg)
        path, through, _ = runs(words if len(words) > 1 else (entry.arg,))
        if path in tree.files and path not in seen:
            seen.add(path)
            user = entry.args[1] if len(entry.args) > 1 else by_default
            yield from _runnable(tree, tree.files[path], through=through, root=user == "root")


def _commands(script: str) -> tuple[Command, ...]:
    """Of a shell's script all; of another language's, which may ask by itself, those that it hands to a shell."""
    if (language := interpreter(script)) in SHELLS:
        return commands(script)
    found = [Command(language, (), 1)]
    for number, line in enumerate(script.split("\n"), start=1):
        if (call := _CALL.search(line)) is not None:
            text = call["text"] or " ".join(word for _, word in _QUOTED.findall(call["list"]))
            found += commands(text, number)
    return tuple(found)


def _words(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError:
        return tuple(command.split())


def _beyond(tree: ConfigTree) -> re.Pattern[str] | None:
    """What a check must not ask: the VIPs, and names that nginx passes on to backends."""
    vips = [vip.partition("/")[0] for vrrp in tree.vrrp for vip in vrrp.vips]
    names = [
        name
        for server in servers(tree.nginx)
        if any(passes(server))
        for found in server.all("server_name")
        for name in found.args
    ]
    # Wildcards, regular expressions and one-letter names would be found anywhere.
    plain = [re.escape(n) for n in (*vips, *names) if re.fullmatch(r"[\w-]+(?:[.:]+[\w-]+)+", n)]
    return re.compile(rf"(?<![\w.:-])(?:{'|'.join(plain)})(?![\w-]|[.]\w)", re.IGNORECASE) if plain else None


def _runnable(tree: ConfigTree, script: ConfFile, *, through: bool, root: bool) -> Iterator[Hit]:
    """Can it be run, and who may change it? `through`: an interpreter reads it, so it need not be executable."""
    line = returns_at(script.content)
    # The shell takes the carriage return into its words; other interpreters do not.
    if line and (interpreter(script.content) in SHELLS or (not through and line == 1)):
        yield Hit("S008", RETURNS, tree.name, script.path, line)
    if script.mode is None:
        return
    if not through and not script.mode & EXECUTABLE:
        yield Hit("S005", f"mode {script.mode:o}", tree.name, script.path)
    if not root or not keeps_modes(tree):
        return
    if script.mode & OTHERS_WRITE or script.owner not in (None, "root", "0"):
        yield Hit("S006", f"mode {script.mode:o}, owner {script.owner or 'unknown'}", tree.name, script.path)


def _content(found: tuple[Command, ...], node: str, path: str, beyond: re.Pattern[str] | None) -> Iterator[Hit]:
    """What the commands of a check are good for."""
    asked_for = {word for each in found if _looks_up(each) for word in each.words}
    asks = any(_asks(each) or _is_own(each) for each in found)
    local = {match[0] for each in found if _is_local(each) and beyond for match in beyond.finditer(each.text)}
    for each in found:
        where = (node, path, each.line)
        if each.piped is not None and each.name.endswith("grep") and "refused" in each.text.lower():
            yield Hit("S001", f"{each.piped.text} | {each.text}", *where)
        if each.name in OPTIONAL and each.name not in asked_for:
            yield Hit("S002", f"it needs {each.name}", *where)
        if _acts(each):
            yield Hit("S003", each.text, *where)
        if beyond is not None and _asks(each):
            far = [match[0] for match in beyond.finditer(each.text)]
            if far and not set(far) <= local:
                yield Hit("S004", each.text, *where)
        if not asks and (process := _process(each)) is not None:
            named = process and not process.startswith("$")
            yield Hit("S007", f"it looks for {process}: {each.text}" if named else each.text, *where)


def _is_own(command: Command) -> bool:
    """A program of somebody's own: what it asks is not known."""
    return command.ran.startswith(("/usr/local/", "/opt/")) and not _acts(command)


def _looks_up(command: Command) -> bool:
    """Is it asked first whether the tool is there?"""
    return command.name in ("which", "type", "hash") or (command.name == "command" and "-v" in command.words)


def _is_local(command: Command) -> bool:
    """`ip address | grep -q VIP`: what follows asks the VIP where it is on this node."""
    piped = command.piped
    return command.name in LOCAL or (command.name.endswith("grep") and piped is not None and piped.name in LOCAL)


def _asks(command: Command) -> bool:
    spoken_to = any(target.startswith(("/dev/tcp/", "/dev/udp/")) for target in command.targets)
    return spoken_to or command.name in ASKING or _ASKS.fullmatch(command.name) is not None


def _acts(command: Command) -> bool:
    """Does it start, stop or reload something?"""
    words = [word for word in command.words if not word.startswith("-")]
    if command.name in MANAGERS:
        return any(word in ACTS for word in words[:2])
    if command.ran.startswith("/etc/init.d/"):
        return bool(words) and words[0] in ACTS
    if command.name in ("nginx", "openresty"):
        return not any(_NGINX_TELLS.fullmatch(word) for word in command.words)
    if command.name in ("pkill", "killall"):
        return bool(command.words) and not _sends_nothing(command)
    return command.name in SHUTS


def _sends_nothing(command: Command) -> bool:
    signals = pairwise(command.words)
    return not {"-0", "--signal=0", "-l", "-V"}.isdisjoint(command.words) or any(
        option in ("-s", "--signal") and value == "0" for option, value in signals
    )


def _process(command: Command) -> str | None:
    """The process that is looked for, and only looked for: its name, or nothing where none is given."""
    words = [word for word in command.words if not word.startswith("-")]
    if command.name in ("killall", "pkill", "kill"):
        if not _sends_nothing(command):
            return None
        return next((word for word in words if word != "0"), "")
    if command.name in ("pidof", "pgrep"):
        return words[-1] if words else ""
    if command.name == "ps":
        return words[0] if command.words[:1] == ("-C",) and words else ""
    if command.name in MANAGERS and {"is-active", "status"}.intersection(words[:2]):
        return next((word for word in words if word not in ("is-active", "status")), "")
    return None

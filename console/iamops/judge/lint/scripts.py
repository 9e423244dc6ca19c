"""Rules about the scripts that keepalived runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from iamops.judge.lint.finding import Hit
from iamops.judge.lint.keepalived import DIRECTORY
from iamops.judge.lint.tree import RETURNS, ConfigTree, returns_at
from iamops.model.config import ConfFile
from iamops.parse.nginx.conf import servers

_COMMAND = r"(?:^|[|;&(`]\s*|\b(?:if|then|else|do|while|until)\s+|!\s+)(?:sudo\s+)?(?:/\S*/)?"
# In this order in one line. Looked for one after the other: one expression would take cubic time.
_BLIND = ((r"\b(?:telnet|nc|ncat)\b", r"\|", r"\bgrep\b"), (r"\bgrep\b", r"\brefused\b"))
_TOOL = re.compile(_COMMAND + r"(telnet|nc|ncat|curl|wget|killall|pidof|nmap)\b")
# `killall -0` and `pkill -0` send nothing.
_ACTS = re.compile(
    r"\b(?:systemctl|service|rc-service)\b[^#\n|]*\b(?:re)?(?:start|load)\b"
    rf"|{_COMMAND}(?:nginx\s*(?:-s\s+\w+)?\s*(?:$|[;&|)])|(?:pkill|killall)\b(?!\s+-0\b))"
)
_PROCESS = re.compile(
    _COMMAND + r"(?:(?:killall|pkill|kill)\s+-0\b|pidof\b|pgrep\b|ps\b|systemctl\b[^#\n|]*\bis-active\b)"
)
_ASKS = re.compile(r"/dev/tcp/|\b(?:curl|wget|nc|ncat|telnet|nmap|ab)\b")
# What is longer is no script that anyone wrote by hand.
LINE_CHARS = 1000
OTHERS_WRITE = 0o022
EXECUTABLE = 0o111


def script_hits(tree: ConfigTree) -> Iterator[Hit]:
    """Check scripts in full; of notify scripts only that they are safe."""
    beyond = _beyond(tree)
    for check in tree.checks:
        path = _path(check.script)
        if path is None:
            # A script elsewhere is not at hand, and that says nothing; a command is its own script.
            yield from _content(tree, check.file, check.at("script"), check.script, beyond)
        elif (script := tree.files.get(path)) is None:
            evidence = f"{check.name} runs {path}, which is not there"
            yield Hit("S005", evidence, tree.name, check.file, check.at("script"))
        else:
            yield from _runnable(tree, script)
            yield from _content(tree, path, 1, script.content, beyond)
    options = (option for block in tree.keepalived.all("vrrp_instance") for option in block.block or ())
    notified = (_path(" ".join(option.args)) for option in options if option.name.startswith("notify"))
    for path in dict.fromkeys(notified):
        if path is not None and path in tree.files:
            yield from _runnable(tree, tree.files[path])


def _path(command: str) -> str | None:
    """The script among the words of a command: also behind `/bin/sh`."""
    return next((word for word in command.split() if word.startswith(DIRECTORY)), None)


def _beyond(tree: ConfigTree) -> re.Pattern[str] | None:
    """What a check must not ask: the VIPs, and names that nginx passes on to backends."""
    vips = [vip.partition("/")[0] for vrrp in tree.vrrp for vip in vrrp.vips]
    names = [
        name
        for server in servers(tree.nginx)
        if any(location.first("proxy_pass") for location in server.all("location"))
        for found in server.all("server_name")
        for name in found.args
    ]
    # Wildcards, regular expressions and one-letter names would be found anywhere.
    plain = [re.escape(n) for n in (*vips, *names) if re.fullmatch(r"[\w-]+(?:[.:]+[\w-]+)+", n)]
    return re.compile(rf"(?<![\w.:-])(?:{'|'.join(plain)})(?![\w-]|[.]\w)") if plain else None


def _runnable(tree: ConfigTree, script: ConfFile) -> Iterator[Hit]:
    """Can it be run, and who may change it?"""
    if line := returns_at(script.content):
        yield Hit("S008", RETURNS, tree.name, script.path, line)
    if script.mode is None:
        return
    if not script.mode & EXECUTABLE:
        yield Hit("S005", f"mode {script.mode:o}", tree.name, script.path)
    if script.mode & OTHERS_WRITE or script.owner not in (None, "root", "0"):
        yield Hit("S006", f"mode {script.mode:o}, owner {script.owner or 'unknown'}", tree.name, script.path)


def _content(tree: ConfigTree, path: str, first: int, text: str, beyond: re.Pattern[str] | None) -> Iterator[Hit]:
    """`first`: the line of the file that the text begins on."""
    asks = _ASKS.search(text) is not None
    for number, line in enumerate(text.split("\n"), start=first):
        code = line[:LINE_CHARS].partition("#")[0].strip()
        if not code:
            continue
        if any(_in_order(code, parts) for parts in _BLIND):
            yield Hit("S001", code, tree.name, path, number)
        if (tool := _TOOL.search(code)) is not None:
            yield Hit("S002", f"it needs {tool[1]}", tree.name, path, number)
        if _ACTS.search(code):
            yield Hit("S003", code, tree.name, path, number)
        if beyond is not None and beyond.search(code):
            yield Hit("S004", code, tree.name, path, number)
        if not asks and _PROCESS.search(code):
            yield Hit("S007", code, tree.name, path, number)


def _in_order(code: str, parts: tuple[str, ...]) -> bool:
    at = 0
    for part in parts:
        found = re.compile(part).search(code, at)
        if found is None:
            return False
        at = found.end()
    return True

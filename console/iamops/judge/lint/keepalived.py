"""Rules about one node's keepalived.conf, and about the scripts that keepalived runs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from iamops.judge.lint.finding import Hit
from iamops.judge.lint.keywords import keyword_hits
from iamops.judge.lint.tree import RETURNS, ConfigTree, returns_at
from iamops.model.config import KEEPALIVED_CONF, ConfFile
from iamops.model.profile import Profile
from iamops.parse.directives import Directive
from iamops.parse.keepalived.vrrp import PASSWORD_BYTES, VrrpConf
from iamops.parse.nginx.conf import servers

DIRECTORY = "/etc/keepalived/"
EXAMPLE_SERVERS = ("192.168.200.1",)
EXAMPLE_DOMAINS = ("firewall.loc",)
READABLE_BY_OTHERS = 0o004


def keepalived_hits(tree: ConfigTree, profile: Profile | None) -> Iterator[Hit]:
    if KEEPALIVED_CONF not in tree.files:
        yield Hit("L003", f"{KEEPALIVED_CONF} is not there: nothing is said about keepalived", tree.name)
        return
    for mistake in tree.keepalived.mistakes:
        yield Hit("K002" if mistake.known else "K001", mistake.message, tree.name, mistake.file, mistake.line)
    yield from keyword_hits(tree)
    for path, file in tree.files.items():
        if path.startswith(DIRECTORY) and path.endswith(".conf") and (line := returns_at(file.content)):
            yield Hit("K020", RETURNS, tree.name, path, line)
    yield from _globals(tree)
    for check in tree.checks:
        if check.fall in (None, 1):
            value = "fall is not set" if check.fall is None else "fall 1"
            yield Hit("K008", f"{check.name}: {value}", tree.name, check.file, check.at("fall"))
    for vrrp in tree.vrrp:
        yield from _instance(tree, vrrp, profile)


def _globals(tree: ConfigTree) -> Iterator[Hit]:
    found = [directive for block in tree.keepalived.all("global_defs") for directive in block.block or ()]
    names = {directive.name for directive in found}
    for directive in found:
        where = (tree.name, directive.file, directive.line)
        if directive.name in ("vrrp_garp_interval", "vrrp_gna_interval"):
            with contextlib.suppress(ValueError):
                if float(directive.arg) <= 0:
                    yield Hit("K003", f"{directive.name} {directive.arg}", *where)
        if directive.name == "vrrp_strict":
            yield Hit("K011", "vrrp_strict in global_defs", *where)
        if _is_example(directive):
            yield Hit("K013", f"{directive.name} {directive.arg}".strip(), *where)
        if directive.name == "enable_script_security" and "script_user" not in names:
            yield Hit("K005", "script_user is not set", *where)
    if tree.checks and "enable_script_security" not in names:
        check = tree.checks[0]
        yield Hit("K004", "enable_script_security is not set", tree.name, check.file, check.line)


def _is_example(directive: Directive) -> bool:
    if directive.name == "smtp_server":
        return directive.arg in EXAMPLE_SERVERS
    words = [directive.arg, *(inner.name for inner in directive.block or ())]
    return directive.name.startswith("notification_email") and any(w.endswith(EXAMPLE_DOMAINS) for w in words)


def _instance(tree: ConfigTree, vrrp: VrrpConf, profile: Profile | None) -> Iterator[Hit]:
    def hit(code: str, evidence: str, keyword: str) -> Hit:
        return Hit(code, f"{vrrp.name}: {evidence}", tree.name, vrrp.file, vrrp.at(keyword))

    if vrrp.state == "MASTER":
        yield hit("K006", "state MASTER" + (" beside nopreempt" if vrrp.nopreempt else ""), "state")
    if vrrp.priority >= 255:
        yield hit("K012", f"priority {vrrp.priority}", "priority")
    known = "authentication" not in vrrp.unknown
    if vrrp.password is not None and known and len(vrrp.password) > PASSWORD_BYTES:
        yield hit("K015", f"auth_pass has {len(vrrp.password)} characters", "authentication")
    mode = tree.files[vrrp.file].mode if vrrp.file in tree.files else None
    if vrrp.password is not None and mode is not None and mode & READABLE_BY_OTHERS:
        yield hit("K016", f"{vrrp.file} has mode {mode:o}", "authentication")
    if vrrp.interface is not None and vrrp.interface in vrrp.interfaces:
        yield hit("K019", f"track_interface {vrrp.interface}", "track_interface")
    node = tree.node(profile)
    if node and "unicast_src_ip" not in vrrp.unknown and vrrp.unicast_src not in (None, node.address):
        yield hit("K014", f"{vrrp.unicast_src}, but the node is {node.address}", "unicast_src_ip")
    defined = {check.name: check for check in tree.checks}
    for name, weight in vrrp.tracks.items():
        check = defined.get(name)
        if check is None:
            yield Hit("K009", f"{vrrp.name} tracks {name}", tree.name, vrrp.file, vrrp.at("track_script"))
            continue
        if check.file == vrrp.file and check.line > vrrp.line:
            late = f"{name} is defined in line {check.line}"
            yield Hit("K010", late, tree.name, vrrp.file, vrrp.at("track_script"))
        counted = check.weight if weight is None else weight
        if vrrp.nopreempt and counted != 0:
            line = vrrp.at("track_script") if weight is not None else check.at("weight")
            text = f"{vrrp.name}: nopreempt, and {name} has weight {counted}"
            yield Hit("K007", text, tree.name, vrrp.file, line)


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
    beyond = _beyond(tree) if tree.checks else None
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

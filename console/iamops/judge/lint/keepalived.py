"""Rules about one node's keepalived.conf."""

from __future__ import annotations

from collections.abc import Iterator

from iamops.judge.lint.finding import Hit
from iamops.judge.lint.tree import RETURNS, ConfigTree, returns_at
from iamops.model.config import KEEPALIVED_CONF
from iamops.model.profile import Profile
from iamops.parse.directives import Directive
from iamops.parse.keepalived.vrrp import PASSWORD_BYTES, VrrpConf

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
        if directive.name in ("vrrp_garp_interval", "vrrp_gna_interval") and _is_zero(directive.arg):
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


def _is_zero(number: str) -> bool:
    try:
        return float(number) <= 0
    except ValueError:
        return False


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

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
    yield from _line_ends(tree)
    yield from _globals(tree)
    yield from _checks(tree)
    for vrrp in tree.vrrp:
        yield from _instance(tree, vrrp, profile)


def _line_ends(tree: ConfigTree) -> Iterator[Hit]:
    for path, file in tree.files.items():
        if path.startswith(DIRECTORY) and path.endswith(".conf") and (line := returns_at(file.content)):
            yield Hit("K020", RETURNS, tree.name, path, line)


def _globals(tree: ConfigTree) -> Iterator[Hit]:
    found = [each for block in tree.keepalived.all("global_defs") for each in block.block or ()]
    names = {each.name for each in found}
    for each in found:
        if each.name in ("vrrp_garp_interval", "vrrp_gna_interval") and _zero(each):
            yield Hit("K003", f"{each.name} {each.arg}", tree.name, each.file, each.line)
        if each.name == "vrrp_strict":
            yield Hit("K011", "vrrp_strict in global_defs", tree.name, each.file, each.line)
        if _example(each):
            yield Hit("K013", f"{each.name} {each.arg}".strip(), tree.name, each.file, each.line)
        if each.name == "enable_script_security" and "script_user" not in names:
            yield Hit("K005", "script_user is not set", tree.name, each.file, each.line)
    if tree.checks and "enable_script_security" not in names:
        line = tree.checks[0].line
        yield Hit("K004", "enable_script_security is not set", tree.name, tree.checks[0].file, line)


def _zero(directive: Directive) -> bool:
    try:
        return float(directive.arg) <= 0
    except ValueError:
        return False


def _example(directive: Directive) -> bool:
    if directive.name == "smtp_server":
        return directive.arg in EXAMPLE_SERVERS
    words = [directive.arg, *(each.name for each in directive.block or ())]
    return directive.name.startswith("notification_email") and any(w.endswith(EXAMPLE_DOMAINS) for w in words)


def _checks(tree: ConfigTree) -> Iterator[Hit]:
    for check in tree.checks:
        if check.fall in (None, 1):
            said = "fall is not set" if check.fall is None else "fall 1"
            yield Hit("K008", f"{check.name}: {said}", tree.name, check.file, check.at("fall"))


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
    yield from _tracked(tree, vrrp)


def _tracked(tree: ConfigTree, vrrp: VrrpConf) -> Iterator[Hit]:
    defined = {check.name: check for check in tree.checks}
    for name, weight in vrrp.tracks.items():
        at = vrrp.at("track_script")
        check = defined.get(name)
        if check is None:
            yield Hit("K009", f"{vrrp.name} tracks {name}", tree.name, vrrp.file, at)
            continue
        if check.file == vrrp.file and check.line > vrrp.line:
            yield Hit("K010", f"{name} is defined in line {check.line}", tree.name, vrrp.file, at)
        counted = check.weight if weight is None else weight
        if vrrp.nopreempt and counted != 0:
            line = at if weight is not None else check.at("weight")
            yield Hit(
                "K007", f"{vrrp.name}: nopreempt, and {name} has weight {counted}", tree.name, vrrp.file, line
            )

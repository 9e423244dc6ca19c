"""Rules about one node's keepalived.conf."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from iamops.judge.lint.finding import Hit
from iamops.judge.lint.keywords import keyword_hits
from iamops.judge.lint.tree import RETURNS, ConfigTree, returns_at
from iamops.model.config import KEEPALIVED_CONF
from iamops.model.profile import Profile
from iamops.parse.directives import Directive
from iamops.parse.keepalived.settings import address
from iamops.parse.keepalived.vrrp import (
    OWNER_PRIORITY,
    PASSWORD_BYTES,
    CheckConf,
    VrrpConf,
    tracked_others,
    tracks,
)

DIRECTORY = "/etc/keepalived/"
EXAMPLE_SERVERS = ("192.168.200.1",)
EXAMPLE_DOMAINS = ("firewall.loc",)
READABLE_BY_OTHERS = 0o004
# What is tracked, and the blocks that define it: old and new names.
DEFINED_BY = {"track_process": ("vrrp_track_process",), "track_file": ("track_file", "vrrp_track_file")}


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
    yield from _script_users(tree)
    for check in running(tree):
        if "fall" not in check.unknown and check.fall in (None, 1) and (check.fall or not check.partial):
            value = "fall is not set" if check.fall is None else "fall 1"
            yield Hit("K008", f"{check.name}: {value}", tree.name, check.file, check.at("fall"))
    yield from _strict(tree)
    yield from _undefined(tree)
    for vrrp in tree.vrrp:
        yield from _instance(tree, vrrp, profile)


def running(tree: ConfigTree) -> tuple[CheckConf, ...]:
    """The checks that keepalived runs: what nobody tracks is never started."""
    groups = tree.keepalived.all("vrrp_sync_group")
    tracked = {name for vrrp in tree.vrrp for name in vrrp.tracks}
    tracked.update(name for group in groups for name in tracks(group))
    # A file that is not at hand, or a definition, may track any of them.
    any_of_them = tree.is_open or any("$" in name for name in tracked) or any(vrrp.partial for vrrp in tree.vrrp)
    return tuple(check for check in tree.checks if any_of_them or check.name in tracked)


def _globals(tree: ConfigTree) -> Iterator[Hit]:
    found = [directive for block in tree.keepalived.all("global_defs") for directive in block.block or ()]
    for directive in found:
        where = (tree.name, directive.file, directive.line)
        if directive.name in ("vrrp_garp_interval", "vrrp_gna_interval"):
            with contextlib.suppress(ValueError):
                if float(directive.arg) <= 0:
                    yield Hit("K003", f"{directive.name} {directive.arg}", *where)
        if _is_example(directive):
            yield Hit("K013", f"{directive.name} {directive.arg}".strip(), *where)


def _is_example(directive: Directive) -> bool:
    """The sample's server, or nobody but the sample's recipients. Its sender reaches real ones all the same."""
    if directive.name == "smtp_server":
        return directive.arg in EXAMPLE_SERVERS
    if directive.name != "notification_email":
        return False
    words = [*directive.args, *(w for inner in directive.block or () for w in (inner.name, *inner.args))]
    return bool(words) and all(word.endswith(EXAMPLE_DOMAINS) for word in words)


def _script_users(tree: ConfigTree) -> Iterator[Hit]:
    """Who runs the scripts: root, a user that is named, or a keepalived_script that may not exist."""
    found = {entry.name: entry for block in tree.keepalived.all("global_defs") for entry in block.block or ()}
    if tree.is_open or any("include" in name or name.startswith("$") for name in found):
        return
    secure, user = found.get("enable_script_security"), found.get("script_user")
    by_default = user.arg if user else ""
    checks = running(tree)
    if secure is None:
        for check in checks:
            if (check.user or by_default or "root") == "root":
                text = "enable_script_security is not set"
                yield Hit("K004", text, tree.name, check.file, check.line)
                return
    elif user is None and (any(not c.user for c in checks) or any(len(n.args) < 2 for n in notifies(tree))):
        yield Hit("K005", "script_user is not set", tree.name, secure.file, secure.line)


def notifies(tree: ConfigTree) -> Iterator[Directive]:
    """The lines that run a script on a change of state; a second word is the user."""
    blocks = (*tree.keepalived.all("vrrp_instance"), *tree.keepalived.all("vrrp_sync_group"))
    for entry in (entry for block in blocks for entry in block.block or ()):
        if entry.name.startswith("notify") and entry.arg.startswith("/"):
            yield entry


def _strict(tree: ConfigTree) -> Iterator[Hit]:
    """Where it drops what is sent to the VIP: the owner accepts it, and so does version 3 with `accept`.

    Source: the defaults of accept in vrrp_complete_instance() of keepalived's vrrp.c.
    """
    everywhere = [
        entry
        for block in tree.keepalived.all("global_defs")
        for entry in block.block or ()
        if entry.name == "vrrp_strict"
    ]
    for vrrp in tree.vrrp:
        accepts = vrrp.priority == OWNER_PRIORITY or (vrrp.accept and vrrp.version == 3)
        open_to_doubt = vrrp.partial or vrrp.unknown.intersection(("accept", "strict_mode", "version", "priority"))
        if not vrrp.strict or accepts or open_to_doubt:
            continue
        if "strict_mode" in vrrp.lines:
            yield Hit("K011", f"{vrrp.name}: strict_mode", tree.name, vrrp.file, vrrp.at("strict_mode"))
        elif everywhere:
            yield Hit("K011", "vrrp_strict in global_defs", tree.name, everywhere[0].file, everywhere[0].line)


def _undefined(tree: ConfigTree) -> Iterator[Hit]:
    """What is tracked and is not there, by instances and by groups; scripts that come after their use."""
    if tree.is_open:
        return
    order = {id(block): number for number, block in enumerate(tree.keepalived.directives)}
    scripts = {block.arg: order[id(block)] for block in reversed(tree.keepalived.all("vrrp_script"))}
    trackers = {
        kind: {block.arg for name in names for block in tree.keepalived.all(name)}
        for kind, names in DEFINED_BY.items()
    }
    lines = {check.name: f"{check.file}:{check.line}" for check in tree.checks}
    for user in (*tree.keepalived.all("vrrp_instance"), *tree.keepalived.all("vrrp_sync_group")):
        for block, entry in ((b, e) for b in user.all("track_script") for e in b.block or ()):
            where = (tree.name, block.file, block.line)
            if "$" in entry.name or entry.name.startswith(("\\", "@", "include")):
                continue
            if entry.name not in scripts:
                yield Hit("K009", f"{user.arg} tracks {entry.name}", *where)
            elif scripts[entry.name] > order[id(user)]:
                yield Hit("K010", f"{entry.name} is defined behind it, in {lines[entry.name]}", *where)
        for kind, name in tracked_others(user):
            if name not in trackers[kind] and "$" not in name and not name.startswith(("\\", "@", "include")):
                own = user.first(kind)
                where = (tree.name, own.file if own else user.file, own.line if own else user.line)
                yield Hit("K009", f"{user.arg} tracks the {kind[6:]} {name}", *where)


def _instance(tree: ConfigTree, vrrp: VrrpConf, profile: Profile | None) -> Iterator[Hit]:
    def hit(code: str, evidence: str, keyword: str) -> Hit:
        return Hit(code, f"{vrrp.name}: {evidence}", tree.name, vrrp.file, vrrp.at(keyword))

    owner = (
        vrrp.priority == OWNER_PRIORITY
        and not vrrp.partial
        and not vrrp.unknown.intersection(("priority", "state"))
    )
    cleared = ["nopreempt"] if vrrp.nopreempt else ["preempt_delay"] if vrrp.preempt_delay else []
    if vrrp.state == "MASTER" and cleared and vrrp.knows("state", *cleared):
        yield hit("K006", f"state MASTER beside {cleared[0]}", "state")
    if owner:
        stated = "priority" in vrrp.lines
        yield hit(
            "K012",
            "priority 255" if stated else "state MASTER without a priority is 255",
            "priority" if stated else "state",
        )
    known = "authentication" not in vrrp.unknown
    # Version 3 sends no password.
    if vrrp.password is not None and known and vrrp.version == 2 and len(vrrp.password.encode()) > PASSWORD_BYTES:
        yield hit("K015", f"auth_pass has {len(vrrp.password)} characters", "authentication")
    mode = tree.files[vrrp.file].mode if vrrp.file in tree.files else None
    if vrrp.password is not None and mode is not None and mode & READABLE_BY_OTHERS and keeps_modes(tree):
        yield hit("K016", f"{vrrp.file} has mode {mode:o}", "authentication")
    if vrrp.interface is not None and vrrp.interface in vrrp.interfaces:
        yield hit("K019", f"track_interface {vrrp.interface}", "track_interface")
    node = tree.node(profile)
    source = vrrp.unicast_src if "unicast_src_ip" not in vrrp.unknown else None
    if node and source is not None and address(source) != address(node.address):
        yield hit("K014", f"{source}, but the node is {node.address}", "unicast_src_ip")
    if not vrrp.nopreempt or owner or vrrp.state == "MASTER" or not vrrp.knows("nopreempt"):
        return
    defined = {check.name: check for check in tree.checks}
    for name, weight in vrrp.tracks.items():
        check = defined.get(name)
        counted = check.weight if check and weight is None else weight
        if check is not None and counted != 0:
            line = vrrp.at("track_script") if weight is not None else check.at("weight")
            file = vrrp.file if weight is not None else check.file
            text = f"{vrrp.name}: nopreempt, and {name} has weight {counted}"
            yield Hit("K007", text, tree.name, file, line)


def keeps_modes(tree: ConfigTree) -> bool:
    """Is a file's mode that of the node? A version control stores no more than who may execute.

    A directory has no owners to tell; there a file that is kept from others shows that modes were copied.
    """
    modes = [file.mode for file in tree.files.values() if file.mode is not None]
    owned = any(file.owner is not None for file in tree.files.values())
    return owned or any(not mode & READABLE_BY_OTHERS for mode in modes)

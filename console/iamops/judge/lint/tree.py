"""A configuration tree with its files read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from iamops.judge.disk.sources import DaemonSources
from iamops.judge.lint.finding import Hit
from iamops.model.config import KEEPALIVED_CONF, ConfFile, ConfTree, DaemonCheck
from iamops.model.profile import Node, Profile
from iamops.parse.config_files import complaints
from iamops.parse.directives import ReadFile, matching
from iamops.parse.keepalived.conf import INCLUDES, keepalived_conf
from iamops.parse.keepalived.vrrp import CheckConf, VrrpConf, checks, instances
from iamops.parse.nginx.conf import nginx_conf
from iamops.plan.config.change import same_settings

RETURNS = "its lines end in a carriage return"


@dataclass(frozen=True, slots=True)
class ConfigTree:
    """A node's files, each parsed once."""

    conf: ConfTree
    nginx: ReadFile
    keepalived: ReadFile
    vrrp: tuple[VrrpConf, ...]
    checks: tuple[CheckConf, ...]

    @classmethod
    def of(cls, conf: ConfTree) -> ConfigTree:
        texts = {path: file.content for path, file in conf.files.items()}
        keepalived = keepalived_conf(texts)
        return cls(conf, nginx_conf(texts), keepalived, instances(keepalived), checks(keepalived))

    @property
    def name(self) -> str:
        return self.conf.name

    def node(self, profile: Profile | None) -> Node | None:
        """The profile's node of that name; a directory may be named after the node's address."""
        nodes = profile.nodes.values() if profile else ()
        return next((node for node in nodes if self.name in (node.name, node.address)), None)

    @property
    def unread(self) -> tuple[str, ...]:
        """What keepalived.conf includes of which nothing is at hand: files, and patterns that match none here."""
        patterns = DaemonSources.of(self.conf, KEEPALIVED_CONF, self.keepalived).unavailable
        return tuple(pattern for pattern in patterns if not matching(self.files, pattern))

    @property
    def is_open(self) -> bool:
        """May keepalived.conf hold more blocks than are at hand: in a file that was not read, by a definition?"""
        return bool(self.unread) or any(
            block.name.startswith("$") or block.name in INCLUDES for block in self.keepalived.directives
        )

    @property
    def files(self) -> Mapping[str, ConfFile]:
        return self.conf.files


def returns_at(text: str) -> int:
    """The first line that ends as on Windows; 0 where none does."""
    at = text.find("\r\n")
    return 0 if at < 0 else text.count("\n", 0, at) + 1


# Rules about files against what runs, and what the daemons' own tests say.

# A file that was written right before the reload, by clocks that count differently.
CLOCK_SLACK_S = 1.0
CODES = {("nginx", "error"): "N008", ("keepalived", "error"): "K017", ("keepalived", "security"): "K018"}


def live_hits(tree: ConfigTree, profile: Profile | None) -> Iterator[Hit]:
    units = {
        "/etc/nginx/": profile.nginx.unit if profile else "nginx",
        "/etc/keepalived/": profile.keepalived.unit if profile else "keepalived",
    }
    for path, file in tree.files.items():
        # Only what a daemon reads once: a script is read at every run.
        unit = next((unit for directory, unit in units.items() if path.startswith(directory)), None)
        loaded = tree.conf.loaded_at.get(unit) if unit and path.endswith(".conf") else None
        if loaded is not None and file.changed_at is not None and file.changed_at > loaded + CLOCK_SLACK_S:
            late_s = file.changed_at - loaded
            yield Hit("L001", f"changed {late_s:.0f} s after {unit} last read its files", tree.name, path)

    for path, wanted in (tree.conf.rendered or {}).items():
        live = tree.files.get(path)
        if live is None:
            yield Hit("L002", "the file is not there", tree.name, path)
        elif not same_settings(live.content, wanted):
            pairs = zip(live.content.splitlines(), wanted.splitlines(), strict=False)
            differing = (n for n, (own, other) in enumerate(pairs, start=1) if own != other)
            line = next(differing, min(live.content.count("\n"), wanted.count("\n")) + 1)
            yield Hit("L002", f"differs in line {line}", tree.name, path)


def daemon_hits(checks: Sequence[DaemonCheck]) -> Iterator[Hit]:
    """What `nginx -t` and `keepalived -t` said on the nodes."""
    for check in checks:
        for complaint in complaints(check):
            code = CODES.get((check.daemon, complaint.kind))
            if code is not None:
                yield Hit(code, complaint.message, check.node, complaint.file, complaint.line)

"""A configuration tree with its files read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.model.config import ConfFile, ConfTree
from console.model.profile import Node, Profile
from console.parse.directives import Reading
from console.parse.keepalived_conf import keepalived_conf
from console.parse.nginx_conf import nginx_conf
from console.parse.vrrp_conf import CheckConf, VrrpConf, checks, instances

RETURNS = "its lines end in a carriage return"


@dataclass(frozen=True, slots=True)
class Tree:
    """What the rules look at."""

    conf: ConfTree
    nginx: Reading
    keepalived: Reading
    vrrp: tuple[VrrpConf, ...]
    checks: tuple[CheckConf, ...]

    @classmethod
    def of(cls, conf: ConfTree) -> Tree:
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
    def files(self) -> Mapping[str, ConfFile]:
        return self.conf.files


def returns_at(text: str) -> int:
    """The first line that ends as on Windows; 0 where none does."""
    at = text.find("\r\n")
    return 0 if at < 0 else text.count("\n", 0, at) + 1

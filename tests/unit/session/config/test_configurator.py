"""What a configuration that is split includes is read for lint, as far as it can be."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.lint.lint import lint
from iamops.model.config import ConfTree
from iamops.nodes.config import LISTED, NAMED, read_files
from iamops.session.config.configurator import with_included
from tests.support.files_node import KEEPALIVED, PROFILE
from tests.support.files_node import FilesNode as Node

INSTANCE = "vrrp_instance VI_1"


class Split(Node):
    """keepalived's instance stands in a file beside the managed ones."""

    def put_aside(self, include: str, path: str, *, readable: bool = True) -> Split:
        text = self.files[KEEPALIVED]
        begin = text.index(INSTANCE)
        self.files |= {KEEPALIVED: f"{text[:begin]}include {include}\n"}
        if readable:
            self.files[path] = text[begin:]
        return self

    def _answer(self, argv: tuple[str, ...]) -> tuple[int, bytes]:
        managed = replace(self, files={p: t for p, t in self.files.items() if "/conf.d/vrrp" not in p})
        return Node._answer(managed, argv) if argv[-1] == "read" else super()._answer(argv)


async def tree_of(node: Node) -> ConfTree:
    return await with_included(node, await read_files(node))  # type: ignore[arg-type]


async def codes(node: Node) -> set[str]:
    peer = await tree_of(Node.rendered("iam-a"))
    return {each.rule.code for each in lint([peer, await tree_of(node)], PROFILE).findings}


async def test_an_instance_in_an_included_file_is_linted_like_any_other():
    for include in ("conf.d/vrrp.conf", "/etc/keepalived/conf.d/*.conf"):
        node = Split.rendered("iam-b").put_aside(include, "/etc/keepalived/conf.d/vrrp.conf")
        assert not {"P010", "L003"} & await codes(node), include
        node.files["/etc/keepalived/conf.d/vrrp.conf"] = node.files["/etc/keepalived/conf.d/vrrp.conf"].replace(
            "virtual_router_id 51", "virtual_router_id 52"
        )
        assert "P001" in await codes(node), include


async def test_what_may_not_be_read_is_said_to_be_unread():
    hidden = Split.rendered("iam-b").put_aside("/root/vrrp.conf", "", readable=False)
    assert {"P010", "L003"} & await codes(hidden) == {"L003"}


async def test_where_everything_is_at_hand_nothing_more_is_asked():
    node = Node.rendered("iam-b")
    await tree_of(node)
    assert not [argv for argv in node.calls if argv[2:3] in ((LISTED,), (NAMED,))]

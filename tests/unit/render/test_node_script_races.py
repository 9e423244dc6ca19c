"""What is changed while root reads and writes: where others can write is theirs, and no more than that."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.node_script import NodeScript, staged, works_here

pytestmark = pytest.mark.skipif(not works_here(), reason="only root may make a mount namespace")
SHELLS = [name for name in ("dash", "bash") if shutil.which(name)]
NEW = "/etc/nginx/conf.d/new.conf"


@pytest.fixture(params=SHELLS)
def node(request: pytest.FixtureRequest, tmp_path: Path) -> NodeScript:
    made = NodeScript.made(tmp_path / "root", request.param)
    made.at(NEW).parent.chmod(0o777)
    return made


@contextlib.contextmanager
def meanwhile(change: Callable[[], None]) -> Iterator[None]:
    """Again and again, as fast as it goes, until the block is left."""
    over = threading.Event()

    def again() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                change()

    racer = threading.Thread(target=again)
    racer.start()
    try:
        yield
    finally:
        over.set()
        racer.join()


def test_a_file_that_becomes_a_link_while_it_is_read_leads_nowhere(node: NodeScript):
    target, scratch = node.at(NEW), node.at(f"{NEW}.theirs")

    def swap() -> None:
        scratch.write_text("server { }\n")
        os.replace(scratch, target)
        scratch.symlink_to("/etc/shadow")
        os.replace(scratch, target)

    codes = set()
    with meanwhile(swap):
        for _ in range(8):
            done = node.run("read")
            codes.add(done.returncode)
            assert b"the hash" not in done.stdout + done.stderr
    assert codes <= {0, 1, 3}


def test_a_link_in_the_place_of_a_file_on_its_way_is_not_written_through(node: NodeScript):
    victim, scratch = node.at("/etc/victim/file"), node.at("/etc/nginx/conf.d/.new.conf.iamops")
    before = (victim.read_text(), victim.stat().st_mode)

    def plant() -> None:
        scratch.unlink(missing_ok=True)
        scratch.symlink_to("/etc/victim/file")

    with meanwhile(plant):
        for number in range(3):
            node.at(NEW).unlink(missing_ok=True)
            (node.root / "run/armed").unlink(missing_ok=True)
            sent = staged(node, {NEW: "# new\n"}, push=f"push-{number}")
            if node.run("stage", stdin=sent).returncode == 0:
                node.run("arm")
                node.run("apply")
                node.run("restore")
            assert (victim.read_text(), victim.stat().st_mode) == before

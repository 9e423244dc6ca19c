"""keepalived's dump lies where everybody may write: what somebody else put there is neither written nor read."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from iamops.nodes import keepalived as module
from iamops.nodes.keepalived import VrrpUnknown, VrrpWitness
from iamops.nodes.transport import CommandResult
from tests.support.profiles import pair

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
NOBODY = 65534
DATA = " VRRP Instance = VI_1\n   State = BACKUP\n   Priority = 50\n   Effective priority = 50\n"
# keepalived answers a signal as its 2.2.7 does: it writes into whatever has the name.
SUDO = '#!/bin/sh\nshift\necho "$*" >>"{asked}"\ncase $1 in *dd) exec "$@" ;; *) cat "{dump}" >"{path}" ;; esac\n'


class Node:
    """Runs commands on this machine; keepalived runs, and has no JSON."""

    node = "iam-a"

    def __init__(self, place: Path) -> None:
        self.asked, self.dump, self.path = place / "asked", place / "dump", place / "tmp" / "keepalived.data"
        self.path.parent.mkdir()
        self.path.parent.chmod(0o1777)
        self.asked.touch()
        self.dump.write_text(DATA)
        (place / "bin").mkdir()
        sudo = place / "bin" / "sudo"
        sudo.write_text(SUDO.format(asked=self.asked, dump=self.dump, path=self.path))
        sudo.chmod(0o755)
        self.unit("active", os.getpid())
        self.environment = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}

    def unit(self, state: str, pid: int) -> None:
        """What systemctl says of keepalived's unit."""
        systemctl = self.dump.parent / "bin" / "systemctl"
        systemctl.write_text(f"#!/bin/sh\necho MainPID={pid}\necho ActiveState={state}\n")
        systemctl.chmod(0o755)

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        if argv[0] == "systemctl":
            return CommandResult(tuple(argv), 0, b"active\n", b"")
        # A busy machine is given its time: what is asked here is what is read, not how fast.
        done = await asyncio.to_thread(
            subprocess.run, argv, capture_output=True, env=self.environment, timeout=60, check=False
        )
        return CommandResult(tuple(argv), done.returncode, done.stdout, done.stderr)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    made = Node(tmp_path)
    monkeypatch.setattr(module.privileges, "DATA_DUMP", str(made.path))
    # This process stands for the daemon, which takes the signal.
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    yield made
    signal.signal(signal.SIGUSR1, before)


async def test_a_dump_of_keepalived_s_is_read_each_time_anew(node: Node):
    witness = VrrpWitness(node, pair())
    assert await witness.data_text() == DATA
    node.dump.write_text(DATA.replace("BACKUP", "MASTER"))
    assert "MASTER" in await witness.data_text()


def fifo(node: Node) -> None:
    os.mkfifo(node.path)


def link(node: Node) -> None:
    node.path.symlink_to(node.dump.parent / "secret")


def hard_link(node: Node) -> None:
    os.link(node.dump.parent / "secret", node.path)


def theirs(node: Node) -> None:
    node.path.write_text("said")
    os.chown(node.path, NOBODY, NOBODY)


def directory(node: Node) -> None:
    node.path.mkdir()


def too_big(node: Node) -> None:
    with node.path.open("wb") as file:
        file.truncate(1 << 40)


def no_sticky(node: Node) -> None:
    node.path.parent.chmod(0o777)


def no_roots_directory(node: Node) -> None:
    os.chown(node.path.parent, NOBODY, NOBODY)


PLANTED = {
    fifo: "is no regular file, so keepalived has not written it: remove it",
    link: "is no regular file, so keepalived has not written it: remove it",
    directory: "is no regular file, so keepalived has not written it: remove it",
    hard_link: "has several names, so it may be another file: remove it",
    theirs: "was put there by another user (uid 65534): remove it",
    too_big: "has 1099511627776 bytes, more than 4194304",
    no_sticky: "lies where others than root can replace it: chmod +t",
    no_roots_directory: "lies where others than root can replace it: chmod +t",
}


@pytest.mark.parametrize("shell", [name for name in ("dash", "bash") if shutil.which(name)])
@pytest.mark.parametrize("plant", PLANTED)
async def test_what_somebody_else_put_there_is_told_and_root_neither_writes_nor_reads_it(
    node: Node, plant: Callable[[Node], None], shell: str
):
    secret = node.dump.parent / "secret"
    secret.write_text("precious")
    plant(node)
    (node.dump.parent / "bin" / "sh").symlink_to(str(shutil.which(shell)))
    with pytest.raises(VrrpUnknown) as unknown:
        await VrrpWitness(node, pair()).data_text()
    assert unknown.value.reason.startswith(f"{node.path} {PLANTED[plant]}")
    assert not unknown.value.final, "the journal's last word still stands"
    assert (node.asked.read_text(), secret.read_text()) == ("", "precious")


async def test_what_changes_hands_while_keepalived_is_asked_is_not_read(node: Node):
    node.path.write_text("old")
    os.utime(node.path, (1000, 1000))
    sudo = node.dump.parent / "bin" / "sudo"
    sudo.write_text(f'#!/bin/sh\necho "$*" >>"{node.asked}"\nrm "{node.path}"; mkfifo "{node.path}"\n')
    with pytest.raises(VrrpUnknown, match="is no regular file"):
        await VrrpWitness(node, pair()).data_text()
    assert "/usr/bin/dd" not in node.asked.read_text()


async def test_a_daemon_that_has_just_been_started_and_takes_no_signal_yet_is_sent_none(node: Node):
    """keepalived 2.2.7 blocks the signals that it reads; until then SIGUSR1 and the JSON signal end it."""
    starting = await asyncio.create_subprocess_exec("sleep", "60")
    blocking = await asyncio.create_subprocess_exec(
        "python3",
        "-c",
        "import signal as s, time; s.pthread_sigmask(s.SIG_BLOCK, [s.SIGUSR1]); print(); time.sleep(60)",
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert blocking.stdout is not None
        await blocking.stdout.readline()
        node.unit("active", starting.pid)
        with pytest.raises(VrrpUnknown, match="keepalived is being started or stopped"):
            await VrrpWitness(node, pair()).data_text()
        assert node.asked.read_text() == ""
        node.unit("active", blocking.pid)
        assert await VrrpWitness(node, pair()).data_text() == DATA
    finally:
        for process in (starting, blocking):
            process.kill()
            await process.wait()


@pytest.mark.parametrize("state", ["deactivating", "inactive", "activating", "failed"])
async def test_a_daemon_that_is_about_to_make_room_for_the_next_one_is_sent_no_signal(node: Node, state: str):
    """systemctl sends it to whatever is the unit's process by then: that killed a keepalived in its start."""
    for pid in (0, os.getpid()):
        node.unit(state, pid)
        with pytest.raises(VrrpUnknown, match="keepalived is being started or stopped"):
            await VrrpWitness(node, pair()).data_text()
    node.unit("active", 0)
    with pytest.raises(VrrpUnknown):
        await VrrpWitness(node, pair()).data_text()
    assert node.asked.read_text() == ""


async def test_a_private_tmp_is_still_told_as_one(node: Node):
    (node.dump.parent / "bin" / "sudo").write_text("#!/bin/sh\n")
    with pytest.raises(VrrpUnknown, match=r"keepalived wrote no dump \(private /tmp\?\)"):
        await VrrpWitness(node, pair()).data_text()


@pytest.mark.parametrize(
    ("doing", "tries", "silence"),
    [
        (
            "PrivateTmp=no\nMainPID=45\nState=45 S (sleeping)\nState=46 T (stopped)\n",
            1,
            "its process 46 is in state T (stopped)",
        ),
        (
            "PrivateTmp=no\nMainPID=45\nState=45 S (sleeping)\n",
            2,
            "asked twice for its dump, it wrote none within 3 s",
        ),
        ("PrivateTmp=yes\nMainPID=45\nState=45 T (stopped)\n", 1, ""),
    ],
)
async def test_a_running_keepalived_that_writes_nothing_is_silent_and_a_private_tmp_is_not(doing, tries, silence):
    asked = []

    class Hung:
        node = "iam-a"

        async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
            if argv[0] == "systemctl":
                return CommandResult(tuple(argv), 0, b"active\n", b"")
            if "doing" in argv:
                return CommandResult(tuple(argv), 0, doing.encode(), b"")
            if "ask" in argv:
                asked.append(argv)
            return CommandResult(tuple(argv), 4 if "ask" in argv else 1, b"", b"")

    with pytest.raises(VrrpUnknown) as unknown:
        await VrrpWitness(Hung(), pair()).ask()
    assert (unknown.value.silence, len(asked)) == (silence, tries)

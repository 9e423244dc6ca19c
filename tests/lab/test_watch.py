"""`iamops watch` on the real pair: somebody is told in time, once, and whatever happens to the watch."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from iamops.judge.alerts.case import OUT_OF_SIGHT
from tests.bench.witness import KernelWitness
from tests.lab.conftest import LabForTests
from tests.support.sinks import Arrived, MailServer, Webhook

VIP = "10.0.4.99"
OTHER = {"iam-a": "iam-b", "iam-b": "iam-a"}


class WatchCommand:
    """A watch in a process of its own. `told` is what it has written to stdout so far."""

    def __init__(self, directory: Path, urls: Sequence[str], *argv: str, profile: str = "lab") -> None:
        file = directory / "urls"
        file.write_text("\n".join(urls))
        file.chmod(0o600)
        state = ["--state-dir", str(directory / "state"), "--to-file", str(file)]
        beat = ["--heartbeat", str(directory / "alive"), "--heartbeat-every", "1s", "--json"]
        command = [sys.executable, "-m", "iamops", "--profile", profile, "watch", *state, *beat, *argv]
        self.told: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._log = (directory / "log").open("a")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, claim: Callable[[dict[str, Any]], bool], timeout_s: float = 20.0) -> dict[str, Any]:
        """The first document of which it is so."""
        with self._news:
            assert self._news.wait_for(lambda: any(map(claim, self.told)), timeout_s), self.told[-5:]
            return next(each for each in self.told if claim(each))

    def ready(self) -> None:
        """The whole cluster is seen."""
        self.until(lambda each: each["kind"] == "heartbeat" and each["title"] == "seen: iam-a, iam-b")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(10)
        self._reader.join(5)
        self._log.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.told.append(json.loads(line))
                self._news.notify_all()
        self.process.stdout.close()


@contextlib.contextmanager
def watching(directory: Path, urls: Sequence[str], *argv: str) -> Iterator[WatchCommand]:
    watch = WatchCommand(directory, urls, *argv)
    try:
        yield watch
    finally:
        if watch.process.poll() is None:
            watch.end(signal.SIGTERM)


@contextlib.contextmanager
def kernel(lab: LabForTests, node: str) -> Iterator[KernelWitness]:
    witness = KernelWitness(node, VIP, lab.paths.namespace(node))
    try:
        yield witness
    finally:
        witness.close()


def is_move(document: dict[str, Any]) -> bool:
    return document["kind"] == "vip-move"


def owner(lab: LabForTests) -> str:
    (found,) = lab.status().owners
    return found


def stop_keepalived(lab: LabForTests, node: str) -> None:
    lab.must(node, ["systemctl", "stop", "--no-block", "keepalived"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@pytest.mark.alone
def test_a_move_reaches_webhook_and_mail_within_a_second_of_the_kernel(lab, tmp_path):
    source = owner(lab)
    target = OTHER[source]
    with (
        Webhook() as hook,
        MailServer() as mail,
        kernel(lab, target) as witness,
        watching(tmp_path, [hook.url, mail.url]) as watch,
    ):
        watch.ready()
        began = time.time()
        stop_keepalived(lab, source)
        at = witness.gained(since=began, timeout_s=10)
        arrived = [sink.first(f"VIP {VIP} moved {source} -> {target}") for sink in (hook, mail)]
        assert (tmp_path / "alive").exists()
        ended = time.time()
        assert watch.end(signal.SIGTERM) == 0
        assert time.time() - ended < 2
    assert at is not None
    delays_ms = [round(1000 * (each.at - at)) for each in arrived]
    print(f"kernel -> webhook, mail: {delays_ms} ms")
    assert max(delays_ms) < 1000
    assert f"{target}: has {VIP}" in arrived[0].body
    assert "triage" in arrived[1].body


def test_a_watch_that_is_killed_before_it_could_deliver_delivers_after_its_restart(lab, tmp_path):
    source, port = owner(lab), free_port()
    url = f"json://127.0.0.1:{port}/"
    with watching(tmp_path, [url]) as watch:
        watch.ready()
        stop_keepalived(lab, source)
        decided = watch.until(is_move)
        assert watch.end(signal.SIGKILL) == -9
    lab.must(source, ["systemctl", "start", "keepalived"])
    with Webhook(port) as hook, watching(tmp_path, [url]) as watch:
        arrived = hook.first("moved")
        assert decided["id"] in arrived.body
        watch.ready()
        assert [each for each in watch.told if is_move(each)] == []
        assert sum("moved" in title for title in hook.titles) == 1
    with Webhook(port) as hook, watching(tmp_path, [url]) as watch:
        watch.ready()
        assert [title for title in hook.titles if VIP in title] == []


def test_a_move_while_no_watch_was_running_is_told_at_the_next_start(lab, tmp_path):
    source = owner(lab)
    with Webhook() as hook:
        with watching(tmp_path, [hook.url]) as watch:
            watch.ready()
        stop_keepalived(lab, source)
        with kernel(lab, OTHER[source]) as witness:
            witness.gained(since=time.time() - 5, timeout_s=3)
        with watching(tmp_path, [hook.url]):
            hook.first(f"VIP {VIP} is on {OTHER[source]}; it was on {source} when last seen")


def test_links_that_were_cut_come_back_and_the_next_move_is_told(lab, tmp_path):
    source = owner(lab)
    with Webhook() as hook, watching(tmp_path, [hook.url]) as watch:
        watch.ready()
        for node in OTHER:
            lab.must(node, ["pkill", "-u", "iamops", "sshd"])
        seen = len(watch.told)
        watch.until(lambda each: each in watch.told[seen + 2 :] and each["title"] == "seen: iam-a, iam-b")
        stop_keepalived(lab, source)
        hook.first(f"moved {source} -> {OTHER[source]}")


def drop_vip(lab: LabForTests) -> None:
    for node in OTHER:
        lab.exec(node, ["ip", "addr", "del", f"{VIP}/32", "dev", "eth0"])


@pytest.fixture
def by_hand(lab: LabForTests) -> Iterator[LabForTests]:
    """The VIP on iam-a, and no keepalived that would mind where it is put."""
    for node in OTHER:
        lab.must(node, ["systemctl", "stop", "keepalived"])
    drop_vip(lab)
    lab.must("iam-a", ["ip", "addr", "add", f"{VIP}/32", "dev", "eth0"])
    yield lab
    drop_vip(lab)
    for node in OTHER:
        lab.must(node, ["systemctl", "start", "keepalived"])


@pytest.mark.alone
def test_a_vip_that_flaps_is_a_handful_of_messages_and_a_sum(by_hand, tmp_path):
    lab, moves = by_hand, 30
    with Webhook() as hook, watching(tmp_path, [hook.url], "--flap", "3/12s", "--severity", "critical") as watch:
        watch.ready()
        began = time.monotonic()
        for number in range(moves):
            source, target = ("iam-a", "iam-b") if number % 2 == 0 else ("iam-b", "iam-a")
            lab.must(source, ["ip", "addr", "del", f"{VIP}/32", "dev", "eth0"])
            lab.must(target, ["ip", "addr", "add", f"{VIP}/32", "dev", "eth0"])
            # Two that are over before the slower of two nodes is heard are none.
            time.sleep(max(0.0, began + (number + 1) * 0.25 - time.monotonic()))
        assert time.monotonic() - began < 10, "the moves must fit into one window"
        total = hook.first(f"VIP {VIP} moved {moves} times in", timeout_s=30)
        assert "between iam-a and iam-b" in total.title
        about_vip = [each for each in hook.arrived if f"VIP {VIP} moved" in each.title]
        assert len(about_vip) == 4
        assert len(hook.arrived) < 10


def test_a_node_out_of_sight_is_told_as_unknown_and_nothing_of_it_as_down(lab, tmp_path):
    away = OTHER[owner(lab)]
    with Webhook() as hook, watching(tmp_path, [hook.url]) as watch:
        watch.ready()
        lab.fault("sshd-hang", away)
        try:
            said: Arrived = hook.first(f"{away} cannot be", timeout_s=30)
        finally:
            lab.heal("sshd-hang", away)
        findings = [each for each in watch.told if each["kind"] == "finding"]
    assert f"the state of {away} is unknown, not down" in said.body
    assert {each["node"] for each in findings} == {away}
    assert {each["code"] for each in findings} <= OUT_OF_SIGHT

"""Backends on the real pair: added, drained, removed, and restarted one after the other."""

from __future__ import annotations

import collections
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import yaml

from tests.lab.acting import ActingLab
from tests.lab.pushing import changed, kept
from tests.lab.whole import wrong
from tests.support.load import loading

THIRD = "10.0.4.22:8080"
THIRD_SERVER = """
import http.server, socketserver
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *_): pass
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("10.0.4.22", 8080), Answer).serve_forever()
"""


@pytest.fixture
def config(pushing: ActingLab) -> Iterator[ActingLab]:
    """The pair with the files of the profile, before and after."""
    yield from kept(pushing)


@pytest.fixture
def third_backend(config: ActingLab):
    """A third machine, played by the operator's namespace: an address and a server on it."""
    enter = ["ip", "netns", "exec", config.paths.operator_namespace]
    device = next(
        line.split()[1]
        for line in subprocess.check_output([*enter, "ip", "-o", "addr"], text=True).splitlines()
        if "10.0.4." in line
    )
    subprocess.run([*enter, "ip", "addr", "add", "10.0.4.22/24", "dev", device], check=True)
    with subprocess.Popen([*enter, sys.executable, "-c", THIRD_SERVER]) as server:
        yield config
        server.terminate()
    subprocess.run([*enter, "ip", "addr", "del", "10.0.4.22/24", "dev", device], check=True)


def share(lab: ActingLab, count: int) -> dict[str, int]:
    """So many requests through the VIP, by the upstream that the owner's access log names."""
    size = int(lab.shell("iam-a", "stat -c %s /var/log/nginx/access.log"))
    assert lab.requests(count, "/healthz?share") == [200] * count
    found = f"tail -c +{size + 1} /var/log/nginx/access.log | grep 'healthz?share'"
    # nginx writes a line after it has sent the answer.
    until = time.monotonic() + 5
    while len(lines := lab.shell("iam-a", found).splitlines()) < count and time.monotonic() < until:
        time.sleep(0.05)
    return dict(collections.Counter(line.partition("upstream=")[2].split()[0] for line in lines))


def test_a_third_backend_is_added_takes_its_share_is_drained_and_removed(third_backend: ActingLab):
    lab, path = third_backend, changed(third_backend, "scaled.yaml")
    text = path.read_text()
    added = lab.act("backend", "add", "iam-apiserver", THIRD, profile=path)
    assert added.code == 0, added.err
    assert share(lab, 30) == {"127.0.0.1:8080": 10, "10.0.4.21:8080": 10, THIRD: 10}
    with loading("10.0.4.99", "iam.api.marmotedu.com", namespace=lab.paths.operator_namespace, rate=40) as load:
        drained = lab.act("backend", "drain", "iam-apiserver", THIRD, profile=path)
    assert drained.code == 0, drained.err
    assert any(f"0 requests to {THIRD} from iam-a" in step["observed"] for step in drained.document["steps"])
    assert share(lab, 10) == {"127.0.0.1:8080": 5, "10.0.4.21:8080": 5}
    assert load.lost == {}, load.result
    assert lab.act("backend", "remove", "iam-apiserver", THIRD, profile=path).code == 0
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(text)
    assert THIRD not in lab.says("iam-a", "cat", "/etc/nginx/nginx.conf")


def test_a_refused_push_leaves_the_profile_as_it_was(config: ActingLab):
    path = changed(config, "refused.yaml")
    text = path.read_text()
    config.fault("ssh-blocked", "iam-b")
    assert config.act("backend", "drain", "iam-apiserver", "iam-b", profile=path).code == 4
    assert path.read_text() == text


@pytest.mark.alone
def test_a_drained_rolling_restart_loses_no_request(config: ActingLab):
    pids = ("systemctl", "show", "-P", "MainPID", "iam-apiserver")
    before = [config.says(node, *pids) for node in config.profile.nodes]
    with loading("10.0.4.99", "iam.api.marmotedu.com", namespace=config.paths.operator_namespace) as load:
        done = config.act("restart", "iam-apiserver", "--rolling", "--drain")
    assert done.code == 0, done.err
    assert load.lost == {}, load.result
    assert load.result["rate"] > 450, load.result
    assert not set(before) & {config.says(node, *pids) for node in config.profile.nodes}
    assert wrong(config) == []

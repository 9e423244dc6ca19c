"""Traffic on the lab: a short slice of the campaign of `make soak`, and the commands a person would use."""

from __future__ import annotations

import asyncio
import base64
import time
from secrets import token_hex

from tests.bench.startup import IAMOPS
from tests.bench.terminal import Terminal
from tests.lab.conftest import LabForTests
from tests.lab.traffic_campaign import campaign


def test_every_line_is_counted_once_over_rotations_and_cut_links(lab: LabForTests):
    done = asyncio.run(campaign(lab, lines=60_000, rotations=8, cuts=4, rate=6_000))
    assert done.cuts == 4
    assert done.wrong == []


def test_what_was_asked_through_the_vip_is_what_the_command_tells(lab: LabForTests):
    before = lab.iamops("traffic", "--profile", "lab", "--since", "all", "--by", "path", "--json")
    lab.requests(12, "/v1/seen/4711/of?x=1")
    after = lab.iamops("traffic", "--profile", "lab", "--since", "all", "--by", "path", "--json")
    path = "/v1/seen/:id/of"

    def seen(document):
        return sum(row["total"] for row in document["rows"] if row["key"] == path)

    assert seen(after) - seen(before) == 12
    assert after["cluster"]["total"] - before["cluster"]["total"] >= 12


def test_a_real_nginxs_lines_of_hostile_clients_are_counted_as_what_they_were(lab: LabForTests):
    user = base64.b64encode(b"x [01/Jan/2020:00:00:00 +0000] y:z").decode()
    agent = 'iamops-probe/9 host=evil upstream=10.9.9.9:80 upstream_status=500 "-" [01/Jan/2020:00:00:00 +0000]'
    path = f"/v1/hostile-{token_hex(4)}"
    asked = ("traffic", "--profile", "lab", "--since", "5m", "--where", f"path~^{path}/", "--json")
    lab.requests(15, f"{path}/1/of", Authorization=f"Basic {user}", Referer=agent, **{"User-Agent": agent})
    assert not [row for row in lab.iamops(*asked, "--by", "minute")["rows"] if row["key"].startswith("2020")]
    document = lab.iamops(*asked, "--by", "backend")
    assert document["cluster"]["total"] == 15
    assert not [name for name in document["backends"] if "9.9.9.9" in name]
    assert sum(node["probes"] for node in document["nodes"].values()) == 15


def test_the_traffic_view_shows_what_goes_through_now(lab: LabForTests):
    terminal = Terminal([*IAMOPS, "--profile", "lab"], columns=120, rows=40)
    try:
        assert terminal.painted(r"10\.0\.4\.99 -> iam-a", since=0, timeout_s=15)
        opened = time.time()
        terminal.send("2")
        assert terminal.painted(r"NODES", since=opened, timeout_s=5)
        asked = time.time()
        lab.requests(20, "/v1/view/815/of")
        assert terminal.painted(r"/v1/view/:id/of", since=asked, timeout_s=10)
        terminal.send("/path~^/v1/view/\r")
        assert terminal.painted(r"path~\^/v1/view/", since=asked, timeout_s=10)
    finally:
        terminal.close()

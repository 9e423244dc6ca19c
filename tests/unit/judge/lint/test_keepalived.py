"""Rules about one node's keepalived.conf, and about the scripts it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from iamops.judge.lint.lint import lint
from tests.support.lint_trees import CHECK, KEEPALIVED, LAB, codes, edited, on_both

ROOT = Path(__file__).parents[4]
VIP, INSTANCE = "    virtual_ipaddress {\n        10.0.4.99\n    }\n", "vrrp_instance VI_1 {"


def test_an_instance_that_an_unread_include_may_hold_is_not_called_missing():
    """A pair whose configuration is split on one node is no pair with an instance on one node only."""
    for where in ("conf.d/vrrp.conf", "conf.d/*.conf"):
        trees = edited(KEEPALIVED, INSTANCE, "vrrp_instance VI_2 {")
        text = trees[0].files[KEEPALIVED].content
        moved = text[: text.index("vrrp_instance VI_2")] + f"include /etc/keepalived/{where}\n"
        trees[0] = replace(
            trees[0], files={**trees[0].files, KEEPALIVED: replace(trees[0].files[KEEPALIVED], content=moved)}
        )
        report = lint(trees, LAB)
        assert "P010" not in codes(report), where
        assert any("may be there" in each.hit.evidence for each in report.findings), where


def checked_by(command: str) -> set[str]:
    """Codes for a check that is a command of its own, without a script."""
    return codes(lint(on_both(KEEPALIVED, "/etc/keepalived/check_nginx.sh 2", command), LAB))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/usr/bin/killall -0 nginx", {"S002", "S007"}),
        ("/usr/bin/pgrep -x nginx", {"S007"}),
        ("/bin/pidof nginx", {"S002", "S007"}),
        ("/bin/systemctl is-active nginx", {"S007"}),
        ("/usr/bin/curl -fs http://127.0.0.1/", {"S002"}),
        ("/usr/bin/curl -fs -H 'Host: iam.api.marmotedu.com' http://127.0.0.1/healthz", {"S002", "S004"}),
        ("/usr/bin/curl -fs http://10.0.4.99/", {"S002", "S004"}),
        ("/bin/systemctl restart nginx", {"S003"}),
        ("/usr/sbin/nginx", {"S003"}),
        ("/usr/local/bin/ask-nginx", set()),
        ("/bin/bash /etc/keepalived/check_nginx.sh 2", set()),
        ("/bin/bash /etc/keepalived/other.sh", {"S005"}),
    ],
)
def test_a_check_without_a_script_is_judged_by_its_command(command: str, expected: set[str]):
    assert checked_by(command) == expected


def test_restarting_in_a_script_is_found_wherever_it_stands():
    for line in ("[ -z $x ] && nginx", "if ! pidof nginx; then /usr/sbin/nginx -s reload; fi", "pkill keepalived"):
        assert "S003" in codes(lint(edited(CHECK, "ask() {", f"{line}\nask() {{"), LAB)), line

"""What of a file that changes may be shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.plan.config.change import node_change
from iamops.plan.config.diff import diff_lines, may_be_shown, side_by_side
from iamops.plan.config.meaning import change_summary
from tests.support.config_changes import authed, changes, tree, wanted

KEEPALIVED = "/etc/keepalived/keepalived.conf"


def test_a_secret_is_only_ever_changed_or_unchanged():
    changed = changes(authed(), {"VI_1": "othersec"})["iam-a"].files[0]
    lines = "\n".join(diff_lines(changed, "iam-a"))
    assert "-        auth_pass (secret, old)\n+        auth_pass (secret, new)" in lines
    kept = changes(authed(advert_interval_s=2))["iam-a"].files[0]
    assert "auth_pass (secret, unchanged)" in "\n".join(diff_lines(kept, "iam-a"))
    shown = repr(list(side_by_side(changed))) + lines + repr(changed) + may_be_shown(changed.new or "")
    assert "sesame" not in shown
    assert "othersec" not in shown
    assert "sesame" not in repr(change_summary({"iam-a": changes(authed(), {"VI_1": "othersec"})["iam-a"]}))


def test_a_diff_shows_no_control_characters():
    base = tree()
    path = "/etc/nginx/nginx.conf"
    files = {**base.files, path: replace(base.files[path], content="x\x1b[31m\n")}
    (change,) = node_change(replace(base, files=files), wanted(authed())).files
    assert "\x1b" not in "\n".join(diff_lines(change, "iam-a"))


@pytest.mark.parametrize(
    "line", ["authentication { auth_type PASS auth_pass sesame12 }", "# auth_pass sesame12", "$PW=sesame12"]
)
def test_a_secret_is_hidden_wherever_it_stands_in_a_line(line: str):
    base = tree()
    by_hand = replace(base.files[KEEPALIVED], content=f"{line}\n")
    (change,) = node_change(replace(base, files={**base.files, KEEPALIVED: by_hand}), wanted(authed())).files
    assert "sesame" not in "\n".join(diff_lines(change, "iam-a")) + may_be_shown(by_hand.content)

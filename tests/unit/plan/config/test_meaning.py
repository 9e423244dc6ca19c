"""What a push means, in sentences; and what is never run side by side."""

from __future__ import annotations

import pytest

from iamops.plan.config.meaning import change_summary, incompatible
from tests.support.config_changes import authed, changes
from tests.support.profiles import pair


def test_a_new_backend_is_said_in_one_sentence():
    service = {"port": 8080, "domain": "iam.api.marmotedu.com", "backends": ["10.0.4.22:8080"]}
    raw = pair().model_dump()["services"]
    profile = pair(services={**raw, "iam-apiserver": service}).model_copy(update={"vrrp": authed().vrrp})
    found = changes(profile)
    assert change_summary(found) == (
        "upstream iam.api.marmotedu.com gains 10.0.4.22:8080 on iam-a and iam-b",
        "/etc/nginx/nginx.conf changes outside of its upstreams on iam-a and iam-b",
        "reload of nginx on iam-a and iam-b",
    )
    assert incompatible(found) == ()


@pytest.mark.parametrize(
    ("vrrp", "what"),
    [
        ({"virtual_router_id": 52}, "virtual_router_id"),
        ({"advert_interval_s": 3}, "advert_int"),
        ({"unicast": False}, "unicast"),
        ({"auth": None}, "the authentication"),
    ],
)
def test_what_both_must_agree_on_is_never_run_side_by_side(vrrp: dict[str, object], what: str):
    found = changes(authed(**vrrp))
    assert incompatible(found)[0].startswith(what)
    assert any(f"VI_1: {what} changes" in sentence for sentence in change_summary(found))


def test_a_check_may_change_while_the_other_node_runs_the_old_one():
    found = changes(authed(check={"interval_s": 5, "timeout_s": 3, "fall": 4, "rise": 1}))
    assert incompatible(found) == ()
    assert "check check_nginx_VI_1: fall changes from 2 to 4 on iam-a and iam-b" in change_summary(found)

"""What a daemon runs with: where two of them differ, and what nginx does with a backend that fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.model.running import LiveCheck, LiveVrrp, Upstream, UpstreamServer
from tests.support.profiles import pair

PROFILE = pair()
OWN = LiveVrrp.of_profile(PROFILE.vrrp["VI_1"], PROFILE.nodes["iam-a"])


def test_what_the_profile_says_of_an_instance_is_only_assumed():
    assert OWN.assumed
    assert (OWN.instance, OWN.priority, OWN.virtual_router_id) == ("VI_1", 100, 51)


def test_settings_that_differ_are_named_with_both_values():
    other = replace(OWN, priority=90, advert_interval_s=0.5, preempt_delay_s=30.0)
    assert OWN.changes(other) == (
        "priority 90 instead of 100",
        "advert_int 0.5 s instead of 1 s",
        "preempt_delay 30 s instead of 0 s",
    )
    assert OWN.changes(replace(OWN, assumed=False)) == ()


def test_the_order_of_notify_states_is_no_difference():
    assert replace(OWN, notify=("MASTER", "FAULT")).changes(replace(OWN, notify=("FAULT", "MASTER"))) == ()


def test_checks_that_are_not_known_are_no_list():
    with pytest.raises(ValueError, match="VI_1"):
        _ = replace(OWN, checks=None).known_checks
    check = LiveCheck("check_nginx_VI_1", 5.0, 3.0, 1, 2)
    assert replace(OWN, checks=(check,)).known_checks == (check,)


def test_a_backend_that_never_fails_is_never_given_up():
    assert UpstreamServer("10.0.4.20:8080", max_fails=0, fail_timeout_s=30.0).gives_up_s == 0.0
    assert UpstreamServer("10.0.4.20:8080", fail_timeout_s=30.0).gives_up_s == 30.0


def test_each_place_where_requests_of_a_domain_go_is_a_part():
    beside = Upstream((UpstreamServer("10.0.4.21:9090"),))
    main = Upstream((UpstreamServer("10.0.4.20:8080"),), beside=(beside, Upstream(())))
    assert main.parts == (main, beside)
    assert Upstream((), beside=(beside,)).parts == (beside,)

"""The table of keepalived's keywords."""

from __future__ import annotations

from iamops.parse.keepalived.keywords import ROOT, homes, keywords


def test_every_block_that_a_keyword_opens_is_in_the_table():
    opened = {each.block for known in keywords().values() for each in known.values() if each.block}
    assert opened | {ROOT} == keywords().keys()


def test_a_keyword_has_its_kind_its_range_and_its_version():
    vrrp = keywords()["vrrp_instance"]
    router_id, weight, delay = (
        vrrp["virtual_router_id"],
        keywords()["vrrp_script"]["weight"],
        vrrp["preempt_delay"],
    )
    assert (router_id.kind, router_id.low, router_id.high, router_id.since) == ("number", 1, 255, "2.0.0")
    assert (weight.low, weight.high, delay.kind) == (-253, 253, "fraction")
    assert (vrrp["state"].choices, vrrp["auth_hmac"].since) == (("MASTER", "BACKUP"), "2.4.0")
    assert (vrrp["virtual_ipaddress"].block, keywords()[ROOT]["vrrp_instance"].named) == ("", 1)


def test_a_checker_has_the_keywords_that_all_of_them_have():
    assert {"retry", "connect_port", "url"} <= keywords()["HTTP_GET"].keys()
    assert "connect_port" not in keywords()["MISC_CHECK"]


def test_a_keyword_may_belong_in_several_blocks():
    assert homes("auth_pass") == ("authentication",)
    assert set(homes("track_script")) == {"vrrp_instance", "vrrp_sync_group"}
    assert homes("nothing_such") == ()

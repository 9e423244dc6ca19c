"""Whose backend an address in nginx's files is, and which nginx clients come to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.model.observed import Known, Unknown
from iamops.model.running import UpstreamServer
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.observation import Judgement
from iamops.plan.sending import serves
from iamops.plan.through_nginx import OthersServe
from tests.support.cluster_states import NOW
from tests.support.nginx_paths import (
    answer,
    each_to_its_own,
    goes,
    looks,
    read,
    refused,
    with_addresses,
    with_nginx,
)
from tests.support.profiles import pair

DOMAIN = "iam.api.marmotedu.com"
RESTART = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")
BOTH = "upstream both { zone b 64k; server 10.0.4.20:8080; server 10.0.4.21:8080; }"
MINE = "upstream mine { zone m 64k; server 127.0.0.1:8080; }"


@pytest.mark.parametrize("name", ["*.api.marmotedu.com iam.*", ".marmotedu.com", "~^iam", "_", "elsewhere.org"])
def test_a_domain_leads_where_the_server_leads_that_answers_for_it(name: str):
    alone = read("location / { proxy_pass http://127.0.0.1:8080; }", name)
    assert alone[DOMAIN].servers == (UpstreamServer("127.0.0.1:8080", max_fails=0),)
    assert refused(with_nginx(alone)) != []
    assert refused(with_nginx(read("location / { proxy_pass http://both; }", name))) == []


@pytest.mark.parametrize(
    "other", ["127.0.0.1:8080", "10.0.4.20:8080", "10.0.4.99:8080", "10.7.7.20:8080", "[::ffff:10.0.4.20]:8080"]
)
def test_a_path_to_an_address_of_a_node_may_be_the_services(other: str):
    """The VIP's, another one of the same kernel, or its own spelled in another way."""
    state = with_nginx(
        read(f"location / {{ proxy_pass http://both; }} location /x {{ proxy_pass http://{other}; }}")
    )
    a = state.nodes["iam-a"]
    state = replace(state, nodes={**state.nodes, "iam-a": replace(a, addresses=Known({"10.7.7.20": NOW}, NOW))})
    assert refused(state) != []


def test_an_address_may_be_that_of_a_node_whose_own_ones_are_not_known():
    old = "location / { proxy_pass http://both; } location /x { proxy_pass http://10.0.4.30:8080; }"
    state = with_nginx(read(old))
    b = state.nodes["iam-b"]
    state = replace(state, nodes={**state.nodes, "iam-b": replace(b, addresses=Unknown("no ip"))})
    assert refused(state) != []


TWO_HOSTS = "upstream beside { zone s 64k; server 10.0.4.20:8080; server 10.0.4.30:8080; }"


def test_an_address_that_no_node_has_is_no_backend():
    state = with_nginx(read("location / { proxy_pass http://beside; }", http=TWO_HOSTS))
    assert goes(state, "iam-b") == {"no"}
    assert any("drained or missing in nginx on iam-a and iam-b" in each for each in refused(state))
    for look in looks(state, OthersServe):
        assert look.judge_output(0, answer(None), 600.0).verdict is Judgement.NOT_YET


def test_an_address_is_that_of_the_node_that_has_it():
    second = TWO_HOSTS.replace("10.0.4.30", "192.168.7.21")
    state = with_nginx(read("location / { proxy_pass http://beside; }", http=second))
    assert goes(with_addresses(state, "iam-b", "192.168.7.21"), "iam-b") == {"yes"}
    assert refused(with_addresses(state, "iam-b", "192.168.7.21")) == []
    assert goes(with_addresses(state, "iam-b", seen=False), "iam-b") == {"unknown"}
    other_port = with_nginx(
        read("location / { proxy_pass http://beside; }", http=second.replace("21:8080", "21:80"))
    )
    assert goes(with_addresses(other_port, "iam-b", "192.168.7.21"), "iam-b") == {"no"}


def test_a_vip_may_be_any_node_s():
    vip = TWO_HOSTS.replace("10.0.4.30", "10.0.4.99")
    assert goes(with_nginx(read("location / { proxy_pass http://beside; }", http=vip)), "iam-b") == {"unknown"}


def test_where_the_vips_move_clients_come_to_every_nginx():
    state, service = each_to_its_own(), pair().services["iam-apiserver"]
    assert serves(state, service, "iam-a")
    assert not serves(state, service, "iam-a", vips_move=True)

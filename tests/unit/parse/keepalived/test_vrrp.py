"""What a keepalived.conf says of VRRP: defaults, definitions, and what cannot be known."""

from __future__ import annotations

from iamops.parse.keepalived.conf import HOME
from iamops.parse.keepalived.vrrp import checks, instances
from tests.support.keepalived_files import read

MAIN = f"{HOME}/keepalived.conf"


def test_a_password_has_no_printable_form_and_eight_characters_count():
    (vrrp,) = instances(read("vrrp_instance V {\n authentication {\n auth_pass sesame-open\n }\n}"))
    assert "sesame" not in repr(vrrp)
    assert vrrp.counted_password == "sesame-o"


def test_unset_values_are_keepalived_s_own_defaults():
    (vrrp,) = instances(read("global_defs {\n vrrp_version 3\n}\nvrrp_instance V {\n priority x\n}"))
    assert (vrrp.priority, vrrp.advert_s, vrrp.version, vrrp.nopreempt, vrrp.peers) == (100, 1.0, 3, False, ())
    (check,) = checks(read("vrrp_script c {\n script /x\n}"))
    assert (check.fall, check.weight, check.interval_s) == (None, 0, 1.0)


def test_the_use_of_a_definition_stays_where_its_value_would_be():
    (vrrp,) = instances(
        read("vrrp_instance V {\n virtual_router_id ${ID}\n virtual_ipaddress {\n $VIP\n 10.0.${N}.7/24\n }\n}\n")
    )
    assert vrrp.vips == ("$VIP", "10.0.$?.7/24")
    assert vrrp.unknown == {"virtual_router_id", "virtual_ipaddress"}
    assert not vrrp.partial
    (vrrp,) = instances(read("vrrp_instance V {\n $REST\n}\n"))
    assert vrrp.partial


def test_what_is_there_for_one_node_only_is_not_known():
    text = "vrrp_instance V {\n @a nopreempt\n @a priority 100\n unicast_peer {\n @^a 10.0.4.20\n }\n}\n"
    (vrrp,) = instances(read(f"{text}@a include x.conf\n"))
    assert vrrp.unknown == {"nopreempt", "priority", "unicast_peer"}
    (one, other) = instances(read("@a vrrp_instance A {\n state BACKUP\n}\nvrrp_instance B {\n}\n"))
    assert (one.conditional, one.state, other.conditional) == (True, "BACKUP", False)
    assert read("@a include x.conf\n").includes == (f"{HOME}/x.conf",)


def test_an_include_that_is_not_at_hand_may_say_what_its_block_does_not():
    (vrrp,) = instances(read("vrrp_instance V {\n include x.conf\n}\n"))
    assert vrrp.partial
    (vrrp,) = instances(read("vrrp_instance V {\n include x.conf\n}\n", x_conf="priority 7\n"))
    assert (vrrp.partial, vrrp.priority) == (False, 7)


DECIDED = {
    "version": ("virtual_ipaddress { fd00::9 }", "version 2.5", "version 4", "native_ipv6", "strict_mode"),
    "priority": ("state MASTER", "priority x", "priority 300", "priority 1\n priority 2"),
    "nopreempt": (
        "state MASTER\n nopreempt",
        "nopreempt\n preempt",
        "priority 255\n nopreempt",
        "state $S\n nopreempt",
    ),
    "advert_int": ("advert_int 0.5", "advert_int 1.5", "version 3\n advert_int 0.005", "advert_int x"),
    "authentication": ("version 3", "virtual_ipaddress { fd00::9 }"),
    "virtual_router_id": ("virtual_router_id 0x33", "virtual_router_id 0"),
}
PLAIN = (
    "",
    "state BACKUP\n nopreempt\n priority 100\n advert_int 1\n virtual_router_id 51",
    "version 2\n virtual_ipaddress {\n 10.0.4.99/24 dev eth0\n }\n unicast_peer {\n 10.0.4.20\n }",
    "state MASTER\n priority 100",
    "advert_int 2.0",
)


def test_keepalived_takes_a_value_of_its_own_where_the_file_s_cannot_be():
    for keyword, texts in DECIDED.items():
        for text in texts:
            (vrrp,) = instances(read(f"vrrp_instance V {{\n {text}\n}}\n"))
            assert keyword in vrrp.decided, text
    for text in PLAIN:
        (vrrp,) = instances(read(f"vrrp_instance V {{\n {text}\n}}\n"))
        assert vrrp.decided == frozenset(), text
    (vrrp,) = instances(read("vrrp_instance V {\n version 3\n advert_int 0.25\n}\n"))
    assert vrrp.decided == {"authentication"}
    (vrrp,) = instances(read("global_defs {\n vrrp_strict\n}\nvrrp_instance V {\n}\n"))
    assert {"version", "nopreempt", "unicast_peer"} <= vrrp.decided

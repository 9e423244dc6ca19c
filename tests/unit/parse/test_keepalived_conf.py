"""keepalived.conf's grammar, and what it says of VRRP."""

from __future__ import annotations

from iamops.parse.keepalived.conf import HOME, keepalived_conf
from iamops.parse.keepalived.vrrp import checks, instances

MAIN = f"{HOME}/keepalived.conf"


def read(text: str, **files: str):
    return keepalived_conf(
        {MAIN: text, **{f"{HOME}/{name.replace('_', '.')}": each for name, each in files.items()}}
    )


def test_comments_quotes_and_a_brace_on_the_next_line():
    reading = read('! one\nvrrp_script check # two\n{\n  script "/a/b c" ! three\n  interval 5\n}\n')
    check = reading.all("vrrp_script")[0]
    assert (check.arg, check.line) == ("check", 2)
    assert [(each.name, each.args, each.line) for each in check.block or ()] == [
        ("script", ("/a/b c",), 4),
        ("interval", ("5",), 5),
    ]
    assert reading.mistakes == ()


def test_blocks_on_one_line_and_within_one_another():
    (vrrp,) = instances(
        read("vrrp_instance V { state BACKUP\n authentication { auth_type PASS\n auth_pass x }\n}")
    )
    assert (vrrp.state, vrrp.auth_type, vrrp.password) == ("BACKUP", "PASS", "x")


def test_includes_are_followed_by_glob_and_circles_are_told():
    reading = read("include conf.d/*.conf\ninclude other.conf", **{"conf.d/a_conf": "vrrp_instance A {\n}\n"})
    assert [each.arg for each in reading.all("vrrp_instance")] == ["A"]
    assert [(m.line, m.known) for m in reading.mistakes] == [(2, True)]
    circle = keepalived_conf({MAIN: f"include {MAIN}"})
    assert any("circle" in mistake.message for mistake in circle.mistakes)


def test_what_is_not_followed_is_told_and_what_is_broken_has_its_line():
    reading = read('$VIP=10.0.4.99\n@main priority 100\nvrrp_instance V {\n  state "BACKUP\n')
    assert [(m.line, m.known) for m in reading.mistakes] == [(1, True), (2, True), (4, False), (3, False)]
    assert "no closing brace" in reading.mistakes[-1].message
    assert read("}\n").mistakes[0].line == 1
    assert read("{\n}\n").mistakes[0].message == "an opening brace without a name before it"


def test_a_password_has_no_printable_form_and_eight_characters_count():
    (vrrp,) = instances(read("vrrp_instance V {\n authentication {\n auth_pass sesame-open\n }\n}"))
    assert "sesame" not in repr(vrrp)
    assert vrrp.counted_password == "sesame-o"


def test_unset_values_are_keepalived_s_own_defaults():
    (vrrp,) = instances(read("global_defs {\n vrrp_version 3\n}\nvrrp_instance V {\n priority x\n}"))
    assert (vrrp.priority, vrrp.advert_s, vrrp.version, vrrp.nopreempt, vrrp.peers) == (100, 1.0, 3, False, ())
    (check,) = checks(read("vrrp_script c {\n script /x\n}"))
    assert (check.fall, check.weight, check.interval_s) == (None, 0, 1.0)


def test_a_definition_is_a_line_with_an_equals_sign_and_goes_on_behind_a_backslash():
    text = "$VIP=10.0.4.99\n$SECRET = sesame\n$CHECKS= \\\n track_script { \\\n  c \\\n }\nvrrp_instance V {\n}\n"
    reading = read(text)
    assert [each.name for each in reading.directives] == ["vrrp_instance"]
    assert [(each.line, each.known) for each in reading.mistakes] == [(1, True), (2, True), (3, True)]
    assert "sesame" not in repr(reading)


def test_the_use_of_a_definition_stays_where_its_value_would_be():
    (vrrp,) = instances(
        read("vrrp_instance V {\n virtual_router_id ${ID}\n virtual_ipaddress {\n $VIP\n 10.0.${N}.7/24\n }\n}\n")
    )
    assert vrrp.vips == ("$VIP", "10.0.${N}.7/24")
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


def test_a_brace_too_many_is_one_that_keepalived_goes_on_after():
    (mistake,) = read("vrrp_instance V {\n}\n}\n").mistakes
    assert (mistake.line, mistake.known, mistake.ignored) == (3, False, True)


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

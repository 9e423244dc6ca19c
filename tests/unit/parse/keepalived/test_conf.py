"""keepalived.conf's grammar: comments, quotes, blocks, includes and definitions."""

from __future__ import annotations

from iamops.parse.keepalived.conf import HOME, UNKNOWN, keepalived_conf
from iamops.parse.keepalived.vrrp import instances
from tests.support.keepalived_files import read

MAIN = f"{HOME}/keepalived.conf"


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
    assert [(m.line, m.known) for m in reading.mistakes] == [(2, True), (4, False), (3, False)]
    assert "no closing brace" in reading.mistakes[-1].message
    assert read("}\n").mistakes[0].line == 1
    assert read("{\n}\n").mistakes[0].message == "an opening brace without a name before it"


def test_a_definition_has_no_blank_before_its_sign_and_its_value_may_be_a_secret():
    reading = read("$SECRET = sesame\n$A= \\\n track_script { \\\n  c \\\n }\nvrrp_instance V {\n $A\n}\n")
    (vrrp,) = reading.directives
    assert [(each.name, each.line) for each in vrrp.block or ()] == [("track_script", 7)]
    assert [(each.line, each.known) for each in reading.mistakes] == [(1, False)]
    assert "sesame" not in repr(reading)


def test_what_differs_between_the_ways_of_starting_keepalived_is_not_known():
    text = "@a $P=1\n@b $P=2\nvrrp_instance V {\n priority $P\n @a nopreempt\n interface eth0\n}\n"
    (vrrp,) = read(text).directives
    assert [(each.name, each.args) for each in vrrp.block or ()] == [
        ("priority", (UNKNOWN,)), ("nopreempt", (UNKNOWN,)), ("interface", ("eth0",)),
    ]  # fmt: skip
    assert vrrp.args == ("V",)


def test_a_block_that_is_opened_for_each_node_and_closed_once_is_two_blocks():
    reading = read("@a vrrp_instance A {\n@b vrrp_instance B {\n priority 7\n}\n")
    assert [each.known for each in reading.mistakes] == [True, True]
    assert {each.args for each in reading.directives} == {("A", UNKNOWN), ("B", UNKNOWN)}
    assert all(each.first("priority") for each in reading.directives)


def test_a_missing_brace_is_told_at_the_block_that_lacks_it():
    reading = read("vrrp_instance A {\n authentication {\n  auth_type PASS\n priority 7\n}\nglobal_defs {\n}\n")
    assert [(each.line, each.message) for each in reading.mistakes] == [
        (2, "`authentication` has no closing brace before line 4")
    ]
    assert [each.name for each in reading.directives] == ["vrrp_instance", "global_defs"]
    assert read("vrrp_instance A\n priority 7\n}\n").mistakes[0].message == "`vrrp_instance` has no opening brace"


def test_a_brace_too_many_is_one_that_keepalived_goes_on_after():
    (mistake,) = read("vrrp_instance V {\n}\n}\n").mistakes
    assert (mistake.line, mistake.known, mistake.ignored) == (3, False, True)

"""keepalived.conf's grammar: comments, quotes, blocks, includes and definitions."""

from __future__ import annotations

from iamops.parse.keepalived.conf import HOME, keepalived_conf
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
    assert [(m.line, m.known) for m in reading.mistakes] == [(1, True), (2, True), (4, False), (3, False)]
    assert "no closing brace" in reading.mistakes[-1].message
    assert read("}\n").mistakes[0].line == 1
    assert read("{\n}\n").mistakes[0].message == "an opening brace without a name before it"


def test_a_definition_is_a_line_with_an_equals_sign_and_goes_on_behind_a_backslash():
    text = "$VIP=10.0.4.99\n$SECRET = sesame\n$CHECKS= \\\n track_script { \\\n  c \\\n }\nvrrp_instance V {\n}\n"
    reading = read(text)
    assert [each.name for each in reading.directives] == ["vrrp_instance"]
    assert [(each.line, each.known) for each in reading.mistakes] == [(1, True), (2, True), (3, True)]
    assert "sesame" not in repr(reading)


def test_a_brace_too_many_is_one_that_keepalived_goes_on_after():
    (mistake,) = read("vrrp_instance V {\n}\n}\n").mistakes
    assert (mistake.line, mistake.known, mistake.ignored) == (3, False, True)

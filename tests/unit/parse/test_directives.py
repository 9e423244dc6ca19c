"""Directives of any of the two grammars: what stands in a block, and which files a pattern names."""

from __future__ import annotations

from iamops.parse.directives import Directive, ReadFile, matching


def directive(name: str, *args: str, block: tuple[Directive, ...] | None = None) -> Directive:
    return Directive(name, args, "/etc/x.conf", 1, block)


SERVER = directive(
    "server",
    block=(directive("listen", "80"), directive("listen", "[::]:80"), directive("location", "/", block=())),
)


def test_the_directives_of_a_name_are_those_right_in_the_block():
    assert [each.arg for each in SERVER.all("listen")] == ["80", "[::]:80"]
    assert SERVER.first("listen") == directive("listen", "80")
    assert SERVER.first("root") is None


def test_a_simple_directive_has_no_block_to_look_into():
    listen = directive("listen")
    assert (listen.arg, listen.all("x"), listen.entries("x")) == ("", (), ())


def test_the_entries_of_several_blocks_of_one_name_are_one_list():
    group = directive("group", block=(directive("track_script", block=(directive("a"),)), SERVER))
    twice = directive("all", block=(*group.all("track_script"), *group.all("track_script")))
    assert [each.name for each in twice.entries("track_script")] == ["a", "a"]


def test_a_walk_meets_outer_directives_first():
    read = ReadFile((directive("http", block=(SERVER, directive("gzip", "on"))), directive("events", block=())))
    assert [each.name for each in read.walk()] == [
        "http",
        "server",
        "listen",
        "listen",
        "location",
        "gzip",
        "events",
    ]
    assert [each.name for each in read.all("events")] == ["events"]


def test_a_star_stays_in_its_directory_and_shows_no_hidden_file():
    paths = ["/c/b.conf", "/c/a.conf", "/c/.a.conf", "/c/d/a.conf", "/c/a.conf.bak"]
    assert matching(paths, "/c/*.conf") == ["/c/a.conf", "/c/b.conf"]
    assert matching(paths, "/c/.*.conf") == ["/c/.a.conf"]
    assert matching(paths, "/*/*/a.conf") == ["/c/d/a.conf"]


def test_a_name_with_brackets_is_found_as_it_is_written():
    assert matching(["/c/[a].conf"], "/c/[a].conf") == ["/c/[a].conf"]

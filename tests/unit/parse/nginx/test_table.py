"""The table of nginx's directives."""

from __future__ import annotations

from iamops.parse.nginx.table import names_in, usages

CONTEXTS = "mehslijxuHSUAB"


def test_every_context_has_its_directives():
    assert len(usages()) > 650
    assert [context for context in CONTEXTS if len(names_in(context)) < 6] == []


def test_every_row_can_be_understood():
    ways = [way for found in usages().values() for way in found]
    assert all(way.contexts and set(way.contexts) <= set(CONTEXTS) for way in ways)
    assert all(way.most is None or way.least <= way.most for way in ways)
    assert {way.kind for way in ways} == {"", *"fntczow"}


def test_one_name_may_be_several_directives():
    (http, stream) = (next(way for way in usages()["proxy_pass"] if context in way.contexts) for context in "lS")
    assert (http.contexts, stream.contexts) == ("ljx", "S")
    assert {way.block for way in usages()["server"]} == {True, False}

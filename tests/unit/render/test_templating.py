"""Templates see plain data, name the line of a mistake, and share one budget."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import pytest

from iamops.render.nodefiles import render_node
from iamops.render.templating import RenderError, Templates, plain
from tests.support.own_templates import BUILT_IN, SECRETS, filled
from tests.support.profiles import pair

PROFILE = pair()
TEMPLATES = resources.files("iamops.render") / "templates"


def test_the_built_in_templates_are_filled_the_same_as_somebody_s_own():
    assert render_node(PROFILE, "iam-a", SECRETS, BUILT_IN) == render_node(PROFILE, "iam-a", SECRETS, {})


def test_the_line_is_named():
    with pytest.raises(RenderError, match=r"^your template server\.conf\.j2, line 3: "):
        filled("a\nb\n{{ nothing }}\n")


def test_plain_data_has_no_methods_worth_calling():
    kinds = {type(each) for each in _all(plain({"profile": PROFILE}))}
    assert kinds <= {dict, list, str, int, float, bool, type(None)}
    with pytest.raises(TypeError, match="function is no plain data"):
        plain({"x": filled})


def _all(value: object) -> Iterator[object]:
    yield value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from (key, *_all(each))
    elif isinstance(value, list):
        for each in value:
            yield from _all(each)


def test_all_templates_of_a_node_have_one_budget():
    templates = Templates({"server.conf.j2": "{% for a in range(80000) %}{% endfor %}"})
    templates.fill("server.conf.j2")
    with pytest.raises(RenderError, match="more often, than a configuration file needs"):
        templates.fill("server.conf.j2")

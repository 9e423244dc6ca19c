"""A user's own template gets plain data, runs no code, and takes neither much time nor much memory."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from importlib import resources

import pytest

from iamops.model.profile import Profile
from iamops.render.nodefiles import render_node
from iamops.render.templating import LONGEST, RenderError, plain, template_names
from tests.support.profiles import pair

PROFILE = pair()
SECRETS = {"VI_1": "sesame12"}
LONGEST_S, MOST_MIB = 3.0, 150
TEMPLATES = resources.files("iamops.render") / "templates"
BUILT_IN = {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in template_names()}

# Ways out of a sandbox: each would give away an object that can do more than be read.
ESCAPES = {
    "pickle by the model": "{{ profile.parse_raw('x', proto='pickle', allow_pickle=True) }}",
    "the model's class": "{{ profile.__class__ }}",
    "a text's class": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "attr": "{{ profile|attr('__class__') }}",
    "attr by map": "{{ [1]|map('attr', '__class__')|list }}",
    "attr by filter block": "{% filter attr('__class__') %}x{% endfilter %}",
    "str.format": "{{ '{0.__class__}'.format(profile) }}",
    "format_map": "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "the globals of a global": "{{ range.__func__.__globals__ }}",
    "lipsum": "{{ lipsum.__globals__ }}",
    "cycler": "{{ cycler.__init__.__globals__ }}",
    "joiner": "{{ joiner.__init__.__globals__ }}",
    "namespace": "{{ namespace.__init__.__globals__ }}",
    "self": "{{ self.__init__.__globals__ }}",
    "dict": "{{ dict.mro() }}",
    "a macro": "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__ }}",
    "a loop": "{% for a in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "an imported template": "{% import 'server.conf.j2' as x with context %}{{ x.__class__ }}",
    "a file": "{% include '/etc/passwd' %}",
    "a file above": "{% include '../../../pyproject.toml' %}",
    "the environment": "{{ self._TemplateReference__context.environment }}",
    "a changed value": "{% set a = profile %}{% set a.x = 1 %}",
    "a changed table": "{{ profile.update({'x': 1}) }}",
}
# Little texts that want much.
GREEDY = {
    "range": "{{ range(1000000000) | list }}",
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "product": "{% set n = namespace(s=2) %}{% for a in range(99) %}{% set n.s = n.s * n.s %}{% endfor %}",
    "doubled by ~": "{% set n = namespace(s='a') %}{% for a in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "doubled by +": "{% set n = namespace(s='a') %}{% for a in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "doubled by a block": (
        "{% set n = namespace(s='a') %}{% for a in range(99) %}"
        "{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}"
    ),
    "repeated text": "{{ 'a' * 10000000000 }}",
    "repeated list": "{{ [1] * 10000000000 }}",
    "width": "{{ '%999999999d' % 3 }}",
    "width by an argument": "{{ '%*d' % (999999999, 3) }}",
    "precision": "{{ '%.999999999f' | format(3) }}",
    "indent": "{{ 'x' | indent(999999999, true) }}",
    "replaced": "{{ ('a' * 1000000) | replace('a', 'b' * 1000000) }}",
    "joined": "{{ range(1000) | join('x' * 1000000) }}",
    "macro": "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
    "macro tree": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "parentheses": "{{ " + "(" * 9999,
    "terms": "{{ 1 " + "+ 1" * 15000 + " }}",
    "attributes": "{{ profile" + ".y" * 15000 + " }}",
    "ifs": "{% if 1 %}" * 900,
    "digits": "{{ 1" + "0" * 5000 + " }}",
    "length": "x" * (LONGEST + 1),
}


def filled(text: str, profile: Profile = PROFILE) -> str:
    files = render_node(profile, "iam-a", SECRETS, {"server.conf.j2": text})
    return next(each.content for each in files if "/conf.d/" in each.path)


def test_the_built_in_templates_are_filled_the_same_as_somebody_s_own():
    assert render_node(PROFILE, "iam-a", SECRETS, BUILT_IN) == render_node(PROFILE, "iam-a", SECRETS, {})


@pytest.mark.parametrize("text", ESCAPES.values(), ids=ESCAPES)
def test_no_way_leads_out(text: str):
    with pytest.raises(RenderError, match=r"your template server\.conf\.j2"):
        filled(text)


@pytest.mark.parametrize("text", GREEDY.values(), ids=GREEDY)
def test_what_wants_too_much_is_refused_before_it_has_it(text: str):
    began, before = time.process_time(), _most_mib()
    with pytest.raises(RenderError, match=r"your template server\.conf\.j2"):
        filled(text)
    assert time.process_time() - began < LONGEST_S
    assert _most_mib() - before < MOST_MIB


def test_the_line_is_named():
    with pytest.raises(RenderError, match=r"^your template server\.conf\.j2, line 3: "):
        filled("a\nb\n{{ nothing }}\n")


@pytest.mark.parametrize("seed", range(8))
def test_mutated_templates_are_text_or_an_error_and_do_nothing(seed: int):
    """Pieces of the built-in templates, of the ways out and of the greedy ones, cut and put together."""
    # What jinja2 itself reads of its own files the first time that it fills a text, or explains an error in one.
    for text in ("{{ 1 }}", "{{ nothing }}", "{%"):
        with contextlib.suppress(RenderError):
            filled(text)
    with watched() as done:
        for text in mutated(random.Random(seed), 64):
            with contextlib.suppress(RenderError):
                assert isinstance(filled(text), str)
    assert done == []


# What Python itself tells of code that acts: it cannot be switched off, only be heard or not.
ACTS = ("os.", "subprocess.", "socket.", "shutil.", "pickle.", "marshal.loads", "ctypes.", "builtins.input")
LISTENING: list[list[str]] = []


@contextlib.contextmanager
def watched() -> Iterator[list[str]]:
    """What is done to this machine meanwhile, files opened for writing included."""
    if not LISTENING:
        sys.addaudithook(_hear)
    heard: list[str] = []
    LISTENING.append(heard)
    try:
        yield heard
    finally:
        LISTENING[-1] = []


def _hear(event: str, args: tuple[object, ...]) -> None:
    wrote = event == "open" and isinstance(args[1], str) and not args[1].startswith("r")
    if LISTENING and (wrote or event.startswith(ACTS)) and event not in ("os.listdir", "os.scandir"):
        LISTENING[-1].append(f"{event}{args!r}")


def test_the_watching_itself_hears_what_a_template_would_do():
    with watched() as done:
        os.system("true")  # noqa: S605 - that is the point
    assert any(each.startswith("os.system") for each in done)


def mutated(chance: random.Random, count: int) -> Iterator[str]:
    calls = ["import os", "os.system('x')", "__import__('os').popen('x')", "__builtins__", "__globals__"]
    pieces = [*ESCAPES.values(), *GREEDY.values(), *BUILT_IN.values()]
    for _ in range(count):
        text = "".join(chance.choice(pieces)[: chance.randrange(1, 400)] for _ in range(chance.randrange(1, 4)))
        for _ in range(chance.randrange(6)):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice([*calls, "{{", "}}", "{%", "%}", "|", ".", "(", ")"]) + text[at:]
        yield text


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


def _most_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

"""A user's own template runs no code, and takes neither much time nor much memory."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib import resources

import pytest

from iamops.render.nodefiles import render_node
from iamops.render.sandbox import weight
from iamops.render.templating import BUDGET, LONGEST, Budget, RenderError, template_names
from tests.support.own_templates import BUILT_IN, SECRETS, filled
from tests.support.profiles import pair

PROFILE = pair()
LONGEST_S, MOST_MIB = 3.0, 150
TEMPLATES = resources.files("iamops.render") / "templates"


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


def _most_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


BUDGET_LONGEST_S, BUDGET_MOST_MIB = 8, 400


# A list of forty entries that is 2 to the 40th long for who writes, compares or hashes it.
NEST = (
    "{% set n = namespace(l=[1], m=[1]) %}{% for a in range(40) %}"
    "{% set n.l = [n.l, n.l] %}{% set n.m = [n.m, n.m] %}{% endfor %}"
)
TUPLES = NEST.replace("[n.l, n.l]", "(n.l, n.l)").replace("[1]", "(1,)")
LONG = "{% set l = range(20000) | list %}{% set m = range(20000) | list %}{% set s = '1' * 200000 %}"
TIMES = LONG + "{% for a in range(20000) %}"
COSTLY = {
    "written": NEST + "{{ n.l }}",
    "made a text": NEST + "{{ n.l | string | length }}",
    "put beside a text": NEST + "{{ n.l ~ 'x' }}",
    "put into a format": NEST + "{{ '%s' | format(n.l) }}",
    "joined": NEST + "{{ [n.l] | join }}",
    "told in an error": NEST + "{{ {}[n.l] }}",
    "compared": NEST + "{{ n.l == n.m }}",
    "looked for": NEST + "{{ n.l in [n.m] }}",
    "sorted": NEST + "{{ [n.l, n.m] | sort | length }}",
    "hashed as a key": TUPLES + "{{ {n.l: 1} | length }}",
    "hashed when looked up": TUPLES + "{{ profile.get(n.l) }}",
    "hashed when picked out": TUPLES + "{{ [n.l] | unique | list | length }}",
    "hashed so deep that the stack is over": (
        "{% set n = namespace(l=()) %}{% for a in range(150000) %}{% set n.l = (n.l,) %}{% endfor %}{{ {n.l: 1} }}"
    ),
    "in namespaces": (
        "{% set n = namespace(l=namespace(x=1)) %}{% for a in range(40) %}"
        "{% set m = namespace() %}{% set m.x = [n.l, n.l] %}{% set n.l = m %}{% endfor %}{{ n.l.x }}{{ 1 / 0 }}"
    ),
    "in, many times": TIMES + "{% if -1 in l %}{% endif %}{% endfor %}",
    "equal, many times": TIMES + "{% if l == m %}{% endif %}{% endfor %}",
    "a method, many times": TIMES + "{% if s.isdigit() %}{% endif %}{% endfor %}",
    "a cut, many times": LONG + "{% set n = namespace(l=[]) %}"
    "{% for a in range(60000) %}{% set n.l = [n.l, s[1:]] %}{% endfor %}",
    "a test for each": LONG + "{{ l | select('in', m) | list | length }}{{ l | reject('in', m) | list }}",
    "sum of lists": "{{ ([range(1000) | list] * 1000) | sum(start=[]) | length }}",
    "an attribute of many names": "{{ ([{'a': 1}] * 100000) | sort(attribute='a,' * 20000 + 'a') | length }}",
    "rounded up": "{{ 1 | round(30000000, 'ceil') }}",
    "rounded to tens": "{{ 15 | round(-100000000) }}",
    "numbers by minus": (
        "{% set n = namespace(x=2) %}{% for a in range(60000) %}"
        + "{% set n.x = n.x - -n.x %}" * 300
        + "{% endfor %}"
    ),
    "a width behind a name": "{{ '%(a)999999999d' % {'a': 1} }}",
    "many widths": "{{ ('%999d' * 300000) % ((1,) * 300000) }}",
    "many conversions": "{{ ('%(a)s' * 1000) % {'a': 'b' * 1000000} }}",
    "many indents": "{{ ('a\\n' * 1000000) | indent(99) }}",
    "includes": "{% for a in range(100000) %}{% include 'server.conf.j2' %}{% endfor %}",
    "looks for a template": "{% include ['x'] * 1000000 ignore missing %}",
    "much in a loop": "{% for a in range(190000) %}" + "{% set a = 1 %}" * 4000 + "{% endfor %}",
    "much in a macro": (
        "{% macro m() %}" + "{% set a = 1 %}" * 4000 + "{% endmacro %}"
        "{% for a in range(15000) %}{{ m() }}{% endfor %}"
    ),
}  # fmt: skip


def fill_all(text: str) -> None:
    render_node(PROFILE, "iam-a", SECRETS, {"server.conf.j2": text})


@pytest.fixture
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What costs more than it pays for does so with any."""
    monkeypatch.setattr(Budget.__init__, "__defaults__", (BUDGET // 4,))


@pytest.mark.usefixtures("small_budget")
@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_what_costs_more_than_it_looks_is_refused(text: str):
    """In a process of its own: a fault here would take all memory, all time, or the whole process."""
    assert _in_bounds(lambda: fill_all(text)) == "RenderError"


def _in_bounds(work: Callable[[], None]) -> str:
    """The name of what it raised, or how the process was ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + (BUDGET_MOST_MIB << 20),) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (BUDGET_LONGEST_S, BUDGET_LONGEST_S))
        raised = "nothing"
        try:
            work()
        except BaseException as error:
            raised = "MemoryError" if "MemoryError" in str(error) else type(error).__name__
        os.write(writing, raised.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        word = told.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return word or signal.Signals(-code).name


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.usefixtures("small_budget")
def test_the_built_in_templates_need_a_fraction_of_the_budget():
    assert sorted(BUILT_IN) == sorted(template_names())
    assert render_node(PROFILE, "iam-a", SECRETS, BUILT_IN)


def test_what_is_held_twice_weighs_twice_and_a_weighing_ends():
    twice = ["abc"]
    assert weight([twice, twice], 100) == 1 + 2 * (1 + 1 + 3)
    for _ in range(60):
        twice = [twice, twice]
    assert weight(twice, 1000) > 1000
    assert weight(range(sys.maxsize), 1000) > 1000


def test_a_hundred_services_are_no_reason_to_refuse_the_built_in_templates():
    service = next(iter(PROFILE.services.values()))
    many = {
        f"s{number}": service.model_copy(update={"name": f"s{number}", "domain": f"s{number}.iam.test"})
        for number in range(100)
    }
    profile = PROFILE.model_copy(update={"services": many})

    assert render_node(profile, "iam-a", SECRETS, BUILT_IN) == render_node(profile, "iam-a", SECRETS, {})

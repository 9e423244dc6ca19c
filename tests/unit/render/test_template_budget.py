"""Whatever templates do is paid for: what they make, compare, hash, cut out, go through or look for."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable

import pytest

from iamops.render.nodefiles import render_node
from iamops.render.sandbox import weight
from iamops.render.templating import BUDGET, Budget, RenderError, Templates, template_names
from tests.support.profiles import pair
from tests.unit.render.test_confined import BUILT_IN, SECRETS

PROFILE = pair()
LONGEST_S, MOST_MIB = 8, 400

# A list of forty entries that is 2 to the 40th long for who writes, compares or hashes it.
NEST = (
    "{% set n = namespace(l=[1], m=[1]) %}{% for a in range(40) %}"
    "{% set n.l = [n.l, n.l] %}{% set n.m = [n.m, n.m] %}{% endfor %}"
)
TUPLES = NEST.replace("[n.l, n.l]", "(n.l, n.l)").replace("[1]", "(1,)")
LONG = "{% set l = range(20000) | list %}{% set m = range(20000) | list %}{% set s = '1' * 200000 %}"
TIMES = LONG + "{% for a in range(20000) %}"

GREEDY = {
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


def filled(text: str) -> None:
    render_node(PROFILE, "iam-a", SECRETS, {"server.conf.j2": text})


@pytest.fixture
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What costs more than it pays for does so with any."""
    monkeypatch.setattr(Budget.__init__, "__defaults__", (BUDGET // 4,))


@pytest.mark.usefixtures("small_budget")
@pytest.mark.parametrize("text", GREEDY.values(), ids=GREEDY)
def test_what_costs_more_than_it_looks_is_refused(text: str):
    """In a process of its own: a fault here would take all memory, all time, or the whole process."""
    assert _in_bounds(lambda: filled(text)) == "RenderError"


def _in_bounds(work: Callable[[], None]) -> str:
    """The name of what it raised, or how the process was ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + (MOST_MIB << 20),) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
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


def test_all_templates_of_a_node_have_one_budget():
    templates = Templates({"server.conf.j2": "{% for a in range(80000) %}{% endfor %}"})
    templates.fill("server.conf.j2")
    with pytest.raises(RenderError, match="more often, than a configuration file needs"):
        templates.fill("server.conf.j2")


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

"""A value that is said to be told is what nginx wrote, whatever a client writes around it."""

from __future__ import annotations

import random

import pytest

from iamops.accesslog.count import values
from iamops.accesslog.format import Escape, FormatError, named_format
from iamops.accesslog.values import unescaped
from tests.support.hostile_logs import FORMS, requests
from tests.support.hostile_requests import VARIABLE, escaped, written

ROUNDS = 150


@pytest.mark.parametrize("name", FORMS)
def test_every_value_that_is_said_to_be_told_is_what_nginx_wrote(name: str):
    form = FORMS[name]
    rng = random.Random(name)
    told = sorted(set(VARIABLE.findall(form.text)) - set(form.doubtful))
    for request in requests(name):
        wanted = rng.sample(told, rng.randrange(1, len(told) + 1))
        found = values(form, request.line.decode("latin-1"), wanted)
        assert found is not None, request
        for variable in wanted:
            if form.escape is Escape.JSON:
                assert unescaped(found[variable], form.escape) == request.known[variable]
            else:
                assert found[variable].encode("latin-1") == escaped(request.known[variable], form.escape)


VARIABLES = (
    *("time_local", "time_iso8601", "msec", "remote_addr", "remote_user", "host", "http_host", "request"),
    *("request_uri", "request_method", "body_bytes_sent", "request_time", "upstream_addr", "upstream_status"),
    *("upstream_response_time", "server_name", "http_user_agent", "http_x", "request_id", "server_protocol"),
)
LITERALS = (
    *(
        " ",
        " ",
        " - ",
        " [",
        "] ",
        "|",
        ", ",
        " : ",
        '" "',
        '"',
        ' "',
        '" ',
        "=",
        " x=",
        "  ",
        "/",
        ":",
        ";",
        "\t",
    ),
)


def any_format(rng: random.Random) -> str:
    """As nobody should write one, and somebody does."""
    names = [*rng.sample(VARIABLES, rng.randrange(1, 8)), "status"]
    rng.shuffle(names)
    body = rng.choice(("", "[", '"', "x="))
    for name in dict.fromkeys(names):
        body += f"${{{name}}}{rng.choice(LITERALS)}"
    return f"{rng.choice(('', '', 'escape=json '))}{body}"


@pytest.mark.parametrize("seed", range(20))
def test_in_any_format_a_value_is_right_or_not_told(seed: int):
    rng = random.Random(seed)
    told = refused = 0
    for _ in range(40):
        text = any_format(rng)
        try:
            form = named_format(text)
        except FormatError:
            refused += 1
            continue
        names = set(VARIABLE.findall(form.text)) - set(form.doubtful)
        told += len(names)
        for request in (written(form, rng) for _ in range(25)):
            wanted = rng.sample(sorted(names), rng.randrange(1, len(names) + 1))
            found = values(form, request.line.decode("latin-1"), wanted)
            assert found is not None
            for name in wanted:
                value, known = found[name], request.known[name]
                shown = escaped(known, form.escape).decode("latin-1")
                assert (unescaped(value, form.escape), value)[form.escape is Escape.DEFAULT] == (
                    known if form.escape is Escape.JSON else shown
                ), (text, name, request.line)
    assert told > refused

"""A log_format that tells too little, too much for a client, or takes for ever, is refused with the reason; a
value that is said to be told is what nginx wrote, whatever a client writes around it.
"""

from __future__ import annotations

import random
import time

import pytest

from iamops.accesslog.count import values
from iamops.accesslog.format import (
    MOST_VARIABLES,
    TELLS,
    Escape,
    FormatError,
    LogField,
    named_format,
)
from iamops.accesslog.values import unescaped
from iamops.model.log_format import MAIN
from tests.support.hostile_logs import EVERY, FORMS, requests
from tests.support.hostile_requests import VARIABLE, escaped, written


@pytest.mark.parametrize(
    ("text", "reason"),
    [("$remote_addr [$time_local]", "status"), ("$status$host$request", "nothing stands between"), ("", "status")],
)
def test_a_format_from_which_nothing_can_be_counted_says_why(text: str, reason: str):
    with pytest.raises(FormatError, match=reason):
        named_format(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (MAIN + " ".join(f"$a{number}" for number in range(2000)), "more than 128 variables"),
        (MAIN + "$http_x " * 2000, "more than 128 variables"),
        (MAIN + '"x' * 60_000, "more than 16384 characters"),
    ],
    ids=["many names", "one name many times", "long"],
)
def test_a_format_that_would_take_for_ever_is_refused(text: str, why: str):
    with pytest.raises(FormatError, match=why):
        named_format(text)


def test_the_longest_format_that_is_taken_takes_no_time():
    began = time.process_time()
    named_format(MAIN + " " + " ".join(f"$a{number}" for number in range(MOST_VARIABLES - MAIN.count("$"))))
    assert time.process_time() - began < 5.0


@pytest.mark.parametrize(
    ("name", "doubtful"),
    [
        ("main", set()),
        ("iamops", set()),
        ("combined", set()),
        ("host behind the time", set()),
        ("ingress", set()),
        ("host in front", {LogField.CLIENT, LogField.HOST}),
        ("user and path bare", {LogField.TIME, LogField.METHOD, LogField.PATH}),
    ],
)
def test_what_cannot_be_told_apart_is_said_instead_of_counted(name: str, doubtful: set[LogField]):
    form = FORMS[name]
    for field in doubtful:
        assert not form.has(field)
        assert "cannot be told apart: a client chooses what stands in" in form.unavailable(field)
    names = set(VARIABLE.findall(form.text))
    lacking = {field for field in LogField if field in TELLS and names.intersection(TELLS[field]) - {"request"}}
    assert {field for field in lacking if not form.has(field)} == doubtful


def test_a_format_whose_status_a_client_can_write_is_refused_with_the_reason():
    with pytest.raises(
        FormatError, match=r"\$status cannot be told apart: a client chooses .*put quotes around it"
    ):
        named_format(EVERY["pipes"])


@pytest.mark.parametrize("variable", ["$request", "$http_user_agent", "$remote_user", "$host", "$my_own"])
def test_a_format_that_escapes_nothing_is_refused_where_a_client_writes(variable: str):
    with pytest.raises(FormatError, match="use escape=json"):
        named_format(f'escape=none $remote_addr [$time_local] "{variable}" $status')
    assert named_format("escape=none $remote_addr [$time_local] $status").has(LogField.TIME)


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

"""What an HTTP client may choose in the access log: his own text, and nothing of what is counted of it."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from iamops.accesslog.aggregate import tallied, upstream_attempts
from iamops.accesslog.count import FULL, Columns, CountQuery, counted, values
from iamops.accesslog.filter import where
from iamops.accesslog.format import TELLS, Escape, FormatError, LogField, LogFormat, named_format
from iamops.accesslog.values import Resolution, unescaped
from tests.unit.parse.hostile_requests import VARIABLE, Written, escaped, written
from tests.unit.parse.test_log_counts import AWKS, FORMATS, by_awk

HEAD = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
    '"$http_user_agent"'
)
INGRESS = (
    f"{HEAD} $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] "
    "$upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id"
)
EVERY = FORMATS | {
    "combined": HEAD,
    "ingress": INGRESS,
    "host in front": f"$host:$server_port {HEAD}",
    "host behind the time": '$remote_addr - $remote_user [$time_local] $host "$request" $status $upstream_addr',
    "bare request": "[$time_local] $remote_addr $request $status $body_bytes_sent",
    "bare request and a quoted status": '$remote_addr [$time_local] $request "$status" $body_bytes_sent',
    "lists before blanks": (
        '[$time_local] "$request" $status $upstream_addr $upstream_response_time $upstream_status'
    ),
    "a list before a client's text": '"$request" $status $upstream_addr $http_x_request_id',
    "a client's text before a list": '"$request" $status $http_x_request_id $upstream_addr',
    "two texts around the status": '$remote_addr $remote_user $time_iso8601 $status "$request"',
    "user and path bare": (
        "$remote_addr $remote_user [$time_local] $request_method $request_uri $status $request_time"
    ),
    "two lists and a name": "$status up=$upstream_addr is=$upstream_status as=$http_x took=$request_time",
    "pipes": "$remote_addr|$remote_user|$time_local|$request|$status|$upstream_addr|$host|$request_time",
    "json as it is often written": (
        'escape=json {"t":"$time_iso8601","user":"$remote_user","ua":"$http_user_agent","x":"$http_referer",'
        '"s":$status,"uri":"$request_uri","h":"$http_host","up":"$upstream_addr","us":"$upstream_status"}'
    ),
    "text in json escapes": (
        'escape=json $remote_addr [$time_local] "$request" $status "$http_user_agent" $upstream_addr'
    ),
    "names in another script": '$remote_addr – $remote_user «$time_local» "$request" $status',
}
# Where no line says for sure what its status is.
REFUSED = {"pipes"}
ROUNDS = 150


def forms() -> dict[str, LogFormat]:
    found = {}
    for name, text in EVERY.items():
        try:
            found[name] = named_format(text)
        except FormatError:
            assert name in REFUSED
    return found


FORMS = forms()


def requests(name: str, number: int = ROUNDS) -> list[Written]:
    rng = random.Random(f"hostile {name}")
    return [written(FORMS[name], rng) for _ in range(number)]


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


@pytest.mark.parametrize("name", FORMS)
def test_the_sums_are_those_of_what_nginx_did(name: str):
    form, sent = FORMS[name], requests(name)
    counts = counted(CountQuery(form), [request.line for request in sent])
    assert (counts.total, counts.unparsed) == (len(sent), 0)
    statuses = Counter(key.split("\t")[1] for key in counts.shapes.elements())
    assert statuses == Counter(request.known["status"] for request in sent)
    if form.has(LogField.UPSTREAM):
        found = upstream_attempts(form, [request.line for request in sent])
        assert not [name for name in (*found.last, *found.in_vain) if "9.9.9.9" in name]
    if form.time_format is not None:
        slots = tallied(counts, CountQuery(form))
        assert min(slots) > 1_795_000_000


@pytest.mark.parametrize("awk", AWKS, ids=lambda words: words[0])
@pytest.mark.parametrize("name", FORMS)
def test_the_nodes_awk_finds_the_same(name: str, awk: list[str]):
    log = [request.line for request in requests(name)]
    for want in (FULL, Columns.TIME, Columns.TIME | Columns.PATHS, Columns.SHAPE | Columns.CLIENTS, Columns.TIMES):
        for expression in ("", "status=5xx"):
            recipe = CountQuery(FORMS[name], want, where(expression), Resolution.TEN_SECONDS)
            here = counted(recipe, log)
            assert by_awk(recipe, b"".join(line + b"\n" for line in log), awk) == here


@pytest.mark.parametrize(
    ("name", "doubtful"),
    [
        ("main", set()),
        ("iamops", set()),
        ("combined", set()),
        ("host behind the time", set()),
        ("ingress", {LogField.UPSTREAM_STATUS}),
        ("host in front", {LogField.CLIENT, LogField.HOST}),
        ("a list before a client's text", {LogField.UPSTREAM}),
        ("a client's text before a list", {LogField.UPSTREAM}),
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


def test_who_says_that_he_is_a_probe_is_counted_like_anyone():
    line = b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET / HTTP/1.1" 502 612 "-" "iamops-probe/9" "-"'
    counts = counted(
        CountQuery(named_format("main")), [line, line.replace(b"iamops-probe/9", b"x iamops-probe/9")]
    )
    assert (counts.total, counts.probes) == (2, 1)
    without = CountQuery(named_format("main"), where=where("agent!~^iamops-probe/"))
    assert (counted(without, [line]).total, counted(without, [line]).left_out) == (0, 1)


def test_a_request_under_many_forged_times_is_one_of_its_minute_for_the_nodes_awk_too():
    line = (
        b'10.0.4.1 - x [01/Jan/2020:00:00:00 +0000] " [02/Jan/2020:00:00:00 +0000] [24/Nov/2026:17:46:29 +0000] '
        b'"GET / HTTP/1.1" 200 612 "-" "-" "-"'
    ).replace(b'" [02', b"\\x22 [02")
    recipe = CountQuery(named_format("main"), Columns.TIME)
    assert counted(recipe, [line]).shapes == {"24/Nov/2026:17:46+0000\t200": 1}
    assert by_awk(recipe, line + b"\n") == counted(recipe, [line])


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

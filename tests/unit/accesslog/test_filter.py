"""The filter of a command: all terms are true, nothing in a value is ever run, and none takes for ever."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from iamops.accesslog.awk import awk_program, count_result
from iamops.accesslog.count import Columns, CountQuery, counted
from iamops.accesslog.filter import WhereError, awk_text, where
from iamops.accesslog.format import LogField, named_format


def test_a_pattern_nested_without_end_is_told_so():
    with pytest.raises(WhereError, match="path~"):
        where("path~" + "(" * 5000 + ")" * 5000)


GOOD = {
    LogField.STATUS: "502",
    LogField.HOST: "iam.api",
    LogField.PATH: "/v1/users",
    LogField.UPSTREAM: "a:1, b:2",
}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("status=502", True),
        ("status>=500 host=iam.api path~^/v1/", True),
        ("status>=500 host=other", False),
        ("status=5xx", True),
        ("status!=5xx", False),
        ("path!~users$", False),
        ("backend=b:2", True),
        ("backend=b", False),
        ("backend!=c:3", True),
        ("time>0", False),  # the line does not tell it
        ("'path=/v1/users'", True),
        (r"path~^/v1\.", False),
    ],
)
def test_terms_are_all_true_or_the_line_does_not_count(text: str, matches: bool):
    assert where(text).matches(GOOD) is matches


def test_a_node_is_asked_for_by_its_name():
    assert where("node=iam-a status=200").allows_node("iam-a")
    assert not where("node=iam-a").allows_node("iam-b")
    assert where("node!=iam-a").allows_node("iam-b")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("stats=1", "did you mean 'status'"),
        ("colour=red", "there are status"),
        ("status", "no comparison"),
        ("path>3", "compares numbers"),
        ("bytes>big", "is no number"),
        ("path~[", "not understood|unterminated"),
        (r"path~\d+", "not understood everywhere"),
        ("path~a{3}", "not understood everywhere"),
        ("path~(?=x)", "not understood everywhere"),
        ("path~a**", "not understood everywhere"),
        ("path~(a", "missing"),
        ("host='open", "closing quotation"),
    ],
)
def test_what_says_nothing_is_refused_in_words(text: str, reason: str):
    with pytest.raises(WhereError, match=reason):
        where(text)


NASTY = (
    'x"); system("touch {0}"); ("',
    "x\\",
    'x/; system("touch {0}")',
    "é\x01\n",
    "$(touch {0})",
    "'; touch {0}; '",
)


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize("field", ["path", "host", "backend"])
def test_nothing_in_a_value_is_ever_run(value: str, field: str, tmp_path: Path):
    mark = tmp_path / "mark"
    value = value.format(mark)
    quote = "'" if '"' in value else '"'
    expression = where(f"{field}={quote}{value}{quote}")
    assert expression.terms[0].value == value
    recipe = CountQuery(named_format("iamops"), Columns.NOTHING, expression)
    line = (
        b'1.1.1.1 - - [x] "GET /a HTTP/1.1" 200 1 "-" "-" "-" host=h upstream=u upstream_status=1 request_time=1 '
    )
    line += b"upstream_time=1 request_id=1"
    done = subprocess.run(["awk", awk_program(recipe)], input=line + b"\n", capture_output=True, check=True)
    counts = count_result(done.stdout.splitlines()).counts
    assert counts == counted(recipe, [line])
    assert counts.left_out == 1
    assert not mark.exists()


def test_a_text_of_awk_is_what_it_was():
    text = 'a"b\\c/d\te\x7f é'
    done = subprocess.run(
        ["awk", f'BEGIN {{ printf "%s", {awk_text(text.encode().decode("latin-1"))} }}'],
        capture_output=True,
        check=True,
    )
    assert done.stdout == text.encode()

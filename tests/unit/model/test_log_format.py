"""What an operator gives as a log format is read as nginx reads it, or refused where two readings are possible."""

from __future__ import annotations

import re

import pytest

from iamops.accesslog.format import MOST_CHARS
from iamops.model.log_format import COMBINED, format_text


@pytest.mark.parametrize(
    ("given", "escape", "body"),
    [
        ("combined", "default", COMBINED),
        (" combined\n", "default", COMBINED),
        ("log_format x $status;", "default", "$status"),
        ("log_format x '$status' ' ' '$host'", "default", "$status $host"),
        ("log_format x '$status' 'ms';", "default", "${status}ms"),
        ("log_format x '$status' '${host}';", "default", "$status${host}"),
        ("log_format x '$status' - \"$host\";", "default", "$status-$host"),
        (r"""log_format x "\"$host\" \\ \' \x $status";""", "default", r""""$host" \ ' \x $status"""),
        ("log_format x escape=json '{\"s\":$status}';", "json", '{"s":$status}'),
        ("log_format 'x' 'escape=none' '$status';  # the end", "none", "$status"),
        ("escape=json\n  '{\"s\":'\n  '$status}'\n", "json", '{"s":$status}'),
        ('escape=json {"s":$status}\n', "json", '{"s":$status}'),
        ("'$status # no comment; no end'", "default", "$status # no comment; no end"),
        ("$status # $host;", "default", "$status # $host;"),
        ("it's $status", "default", "it's $status"),
    ],
)
def test_a_format_is_read_as_nginx_reads_it(given: str, escape: str, body: str):
    assert format_text(given) == (escape, body)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("off", "no format is called off: there are main, iamops, combined"),
        ("log_format x '$status' { }", "nginx could not read it from '{ }' on"),
        ("log_format x '$status'$host;", "nginx could not read it from"),
        ("'$status", "nginx could not read it from"),
        ("log_format x $status; }", "something follows its `;`"),
        ('"$status $host";', "its quotes may be nginx.conf's or the line's"),
        ("'$status' $host", "its quotes may be nginx.conf's or the line's"),
        ("escape=html $status", "nginx knows no escape=html: there are default, json, none"),
        ("$status ${host", "no variable's name follows the $ in '${host'"),
        ("$status\n$host", "a line break stands in it"),
        ("log_format x '$status\n$host';", "a line break stands in it"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_paste(given: str, why: str):
    with pytest.raises(ValueError, match=re.escape(why)):
        format_text(given)


@pytest.mark.parametrize("text", ["'" * MOST_CHARS, "'\\" * 8000, "#" * MOST_CHARS, " \n" * 8000, '"\\"' * 5000])
def test_no_text_takes_long(text: str):
    for given in (text, f"log_format x {text}"):
        try:
            format_text(given)
        except ValueError:
            continue

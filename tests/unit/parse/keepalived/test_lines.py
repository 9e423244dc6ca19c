"""keepalived.conf as the lines that keepalived acts on."""

from __future__ import annotations

import pytest

from iamops.parse.keepalived.lines import UNKNOWN, LineReader, uncommented
from tests.support.keepalived_files import MAIN


def lines(text: str, instance: str | None = None, **files: str) -> list[str]:
    return [line.text for line in reader(text, instance, **files).read(MAIN)]


def reader(text: str, instance: str | None = None, **files: str) -> LineReader:
    return LineReader({MAIN: text, **{f"/etc/keepalived/{n}.conf": each for n, each in files.items()}}, instance)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("  priority 100  ", "priority 100"),
        ("priority 100#one", "priority 100"),
        ("! all of it", ""),
        ('auth_pass "a#b!c" # d', 'auth_pass "a#b!c"'),
        ("a\\#b \\! c", "a#b ! c"),
        ('say "a\\#b"', 'say "a\\#b"'),
        ("$A=1   \\", "$A=1\\"),
        ('router_id "one', None),
    ],
)
def test_comments_end_a_line_unless_they_are_quoted(line: str, left: str | None):
    assert uncommented(line) == left


def test_a_brace_ends_its_line_unless_it_is_quoted():
    assert lines('a b{ c "{}" } d }') == ["a b", "{", 'c "{}"', "}", "d", "}"]


def test_definitions_are_replaced_where_they_are_used_and_as_they_are_then():
    assert lines("$A=1\n$B=x$A\na $A $B ${A}b $A.\n$A=2\na $B\n") == ["a 1 x1 1b $A.", "a x2"]
    assert lines('$A=1\na "$A" "${A}"\n') == ['a "$A" "1"']


def test_a_definition_of_several_lines_is_read_again_at_each_use():
    text = "$V= \\\n a $N { \\\n # no \\\n b \\\n }\n\n$N=1\n$V\n$N=2\n$V\nc $V d\n"
    assert lines(text) == ["a 1", "{", "b", "}", "a 2", "{", "b", "}", "c $V d"]


def test_a_definition_that_uses_itself_ends():
    endless = reader("$A=$A\n$A\nb\n")
    assert [line.text for line in endless.read(MAIN)] == ["b"]
    assert [mistake.line for mistake in endless.undefined] == [2]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("~SEQ(N, 3) a ${N}", ["a 1", "a 2", "a 3"]),
        ("~SEQ(N, 4, 2) a ${N}", ["a 4", "a 3", "a 2"]),
        ("~SEQx ( N , 0x0f, 1, 17 ) a $N", ["a f", "a 10", "a 11"]),
        ("~LST(N, x, y) a $N", ["a x", "a y"]),
        ("~LST({N, M}, {1,2},{3}) a $N $M b", ["a 1 2 b", "a 3  b"]),
        ("$END=2\n~SEQ(N, 1, $END) ~SEQ(M, 7, 8) ${N}${M}", ["17", "18", "27", "28"]),
        ("~SEQ(N, 1, 0, 5) a", []),
        ("~LST(N) a", []),
    ],
)
def test_sequences_and_lists_repeat_a_line(text: str, made: list[str]):
    assert lines(text) == made


def test_more_lines_than_anybody_writes_are_not_followed():
    long = reader("~SEQ(N, 1, 999999999) a\n")
    assert len(list(long.read(MAIN))) < 20_000
    assert long.cut
    assert [mistake.known for mistake in long.mistakes] == [True]


def test_a_condition_holds_for_its_name_or_for_all_but_that():
    text = "@one a\n@^one b\n@two c\n@two\n"
    assert (lines(text), lines(text, "one"), lines(text, "two")) == (["b"], ["a"], ["b", "c"])


def test_what_keepalived_brings_is_known_where_the_files_tell():
    assert lines("a ${_PWD}/b ${_INSTANCE}\n", "one") == ["a /etc/keepalived/b one"]
    assert lines("a ${_RANDOM 1 9} ${_ENV HOME}\n") == [f"a {UNKNOWN} {UNKNOWN}"]


def test_includes_take_globs_with_braces_and_are_read_where_they_stand():
    assert lines("a\nincludeb {x,y}.conf\nb { include z*.conf\n}\n", x="1", y="2", zz="3") == [
        "a", "1", "2", "b", "{", "3", "}",
    ]  # fmt: skip


def test_without_a_file_a_use_may_be_defined_there():
    lacking = reader("include x.conf\na ${B} $C\n")
    assert [line.text for line in lacking.read(MAIN)] == ["include x.conf", f"a {UNKNOWN} $C"]
    assert [(mistake.line, mistake.known) for mistake in lacking.mistakes] == [(1, True), (2, True), (2, True)]
    assert not lacking.undefined

"""A shell script is the commands it runs: not its comments, its texts and its here-documents."""

from __future__ import annotations

import pytest

from iamops.parse.shell import commands, interpreter, runs


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("# nginx\nnginx # -t", ["nginx"]),
        ("echo 'a; nginx' \"b | nginx\"", ["echo"]),
        ("cat <<'EOF' | sort\nnginx\nEOF\nid", ["cat", "sort", "id"]),
        ("cat <<-EOF\n\tnginx\n\tEOF\nid", ["cat", "id"]),
        ("if ! pidof nginx; then exit 1; fi", ["pidof", "exit"]),
        ("for each in a b; do id; done", ["id"]),
        ("case $1 in nginx|haproxy) id ;; *) true;; esac", ["id", "true"]),
        ("check() {\n  id\n}\ncheck", ["id", "check"]),
        ("x=$(pidof nginx) || exit 1", ["pidof", "exit"]),
        ('echo "$(ip address | grep -q 192.0.2.1)"', ["ip", "grep", "echo"]),
        ("sudo -n -u web timeout -k 1 2s /usr/bin/curl x", ["curl"]),
        ("LANG=C exec env A=b nginx", ["nginx"]),
        ("curl \\\n  http://127.0.0.1/\nid", ["curl", "id"]),
        ("tools=(nginx curl)\nid", ["id"]),
        ("$((1 + 2))", ["$(…)"]),
        ("echo it\\'s; nginx", ["echo", "nginx"]),
    ],
)
def test_the_commands_of_a_script(script: str, expected: list[str]):
    assert [command.name for command in commands(script)] == expected


def test_a_command_knows_its_line_its_pipe_and_where_it_writes():
    first, second, last = commands("\nVIP=192.0.2.1\nip a 2>&1 |\n  grep $VIP\nexec 3<>/dev/tcp/${VIP}/80\n")
    assert (first.line, second.line, last.line) == (3, 4, 5)
    assert second.piped == first
    assert second.words == ("192.0.2.1",)
    assert last.targets == ("/dev/tcp/192.0.2.1/80",)


@pytest.mark.parametrize(
    "text", ["'", '"', "`", "$(", "<<", "<<EOF\nx", "((", "))", "\\", "${", "a=(", "$($($($(", ";;", "<("]
)
def test_nothing_makes_it_fail(text: str):
    commands(text)
    commands(text * 300)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("/etc/x.sh", "/etc/y.sh"), ("/etc/x.sh", False, "")),
        (("/bin/sh", "-e", "/etc/x.sh"), ("/etc/x.sh", True, "")),
        (("sh", "-ec", "id; id"), ("", True, "id; id")),
        (("timeout", "3", "/usr/bin/python3", "/etc/x.py"), ("/etc/x.py", True, "")),
        (("[", "-e", "/etc/x", "]"), ("[", False, "")),
        ((), ("", False, "")),
    ],
)
def test_what_a_command_line_runs(words: tuple[str, ...], expected: tuple[str, bool, str]):
    assert runs(words) == expected


def test_an_interpreter_is_named_by_the_first_line():
    assert interpreter("#!/usr/bin/env -S python3 -u\n") == "python3"
    assert interpreter("#!/bin/sh\r\n") == "sh"
    assert interpreter("echo\n") == ""

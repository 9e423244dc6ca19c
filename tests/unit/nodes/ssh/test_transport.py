"""Commands and files over a real connection."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from iamops.nodes.ssh.transport import SESSIONS, SshTransport, shown_command
from iamops.nodes.transport import CommandTimeout, LinkLost, OutputTooLong
from tests.support.processes import gone


async def test_a_command_ends_with_its_output_and_status(transport: SshTransport) -> None:
    result = await transport.run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=5)

    assert (result.exit_status, result.stdout, result.stderr) == (3, b"out\n", b"err\n")


async def test_arguments_reach_the_command_unchanged(transport: SshTransport) -> None:
    awkward = ["two words", "it's", "$HOME", "`id`", "a;b", "*", "", "zwölf", "new\nline", '"']

    result = await transport.run(["printf", "%s\\0", *awkward], timeout_s=5)

    assert result.stdout.decode().split("\0")[:-1] == awkward


async def test_commands_find_sbin_and_speak_untranslated(transport: SshTransport) -> None:
    result = await transport.run(["sh", "-c", 'echo "$PATH"; echo "$LC_ALL"'], timeout_s=5)

    path, locale = result.text.splitlines()
    assert {"/usr/sbin", "/sbin"} <= set(path.split(":"))
    assert locale == "C"


async def test_what_sudo_says_of_itself_is_neither_a_refusal_nor_a_word_of_the_command(
    transport: SshTransport,
) -> None:
    beside = "sudo: unable to resolve host iam-b: Name or service not known"
    full = "sudo: unable to write to /run/sudo/ts/iamops: No space left on device"
    for said, left in (
        (f"{beside}\n{full}\nJob for nginx.service failed", b"Job for nginx.service failed\n"),
        (f"{beside}\nsudo: a password is required", b"sudo: a password is required\n"),
        ("sudo: unable to initialize policy plugin", b"sudo: unable to initialize policy plugin\n"),
    ):
        result = await transport.run(["sh", "-c", 'echo "$1" >&2; exit 1', "x", said], timeout_s=5)
        assert (result.exit_status, result.stderr) == (1, left)


async def test_output_is_bytes_not_text(transport: SshTransport) -> None:
    result = await transport.run(["printf", "\\377\\000\\033["], timeout_s=5)

    assert result.stdout == b"\xff\x00\x1b["


async def test_stdin_is_sent_and_ended(transport: SshTransport) -> None:
    content = bytes(range(256)) * 4096

    result = await transport.run(["cat"], timeout_s=5, stdin=content)

    assert result.stdout == content


async def test_a_command_that_ignores_its_stdin_still_succeeds(transport: SshTransport) -> None:
    result = await transport.run(["true"], timeout_s=5, stdin=b"x" * 1_000_000)

    assert result.ok


async def test_a_missing_command_is_a_status_not_an_error(transport: SshTransport) -> None:
    result = await transport.run(["no-such-command-here"], timeout_s=5)

    assert result.exit_status == 127


async def test_at_the_deadline_the_outcome_is_unknown(transport: SshTransport) -> None:
    with pytest.raises(CommandTimeout, match=r"iam-a: no end of `sleep 60` within 0\.1 s") as failure:
        await transport.run(["sleep", "60"], timeout_s=0.1)

    assert "outcome is unknown" in failure.value.next_step


async def test_a_script_of_our_own_is_not_told_to_the_operator() -> None:
    assert shown_command(["sh", "-c", "printf '\\n==iamops'\nsleep 60", "sh", "iam-a"]) == "sh -c … sh iam-a"
    assert shown_command(["systemctl", "show", "nginx"]) == "systemctl show nginx"


async def test_the_connection_outlives_a_deadline(transport: SshTransport) -> None:
    with pytest.raises(CommandTimeout):
        await transport.run(["sleep", "60"], timeout_s=0.05)

    assert (await transport.run(["echo", "still here"], timeout_s=5)).stdout == b"still here\n"


async def test_endless_output_is_ended_not_collected(transport: SshTransport, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    with pytest.raises(OutputTooLong, match="wrote more than expected"):
        await transport.run(["sh", "-c", f"echo $$ >{pid_file}; exec cat /dev/zero"], timeout_s=20)

    assert await gone(int(pid_file.read_text()))


async def test_more_commands_than_sessions_wait_their_turn(transport: SshTransport) -> None:
    commands = [transport.run(["echo", str(i)], timeout_s=10) for i in range(3 * SESSIONS)]

    results = await asyncio.gather(*commands)

    assert [int(result.stdout) for result in results] == list(range(3 * SESSIONS))


async def test_after_close_a_command_says_that_the_link_is_gone(transport: SshTransport) -> None:
    await transport.close()

    with pytest.raises(LinkLost):
        await transport.run(["true"], timeout_s=1)


async def test_closing_it_ourselves_is_no_failure(transport: SshTransport) -> None:
    await transport.close()

    assert await transport.wait_closed() is None


async def test_hearing_from_the_node_is_noticed(transport: SshTransport) -> None:
    before = transport.heard_at

    await transport.run(["true"], timeout_s=5)

    assert transport.heard_at > before

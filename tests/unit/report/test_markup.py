"""What a node says, in a chat: nobody is called by it, and no link hides in it."""

from __future__ import annotations

import re

import pytest

from iamops.report.markup import chat_text

CALLS = (
    "@everyone", "x@everyone", "@here", "@channel", "@all", "@room", "@Everyone", "(@ops)", "@**all**",
    "<@1234>", "<@&1234>", "<@!1234>", "<!channel>", "<!everyone>", "<!subteam^S1>", "<users/all>", "<@all>",
    '<at user_id="all">', "<https://evil.example|status>", "[status](https://evil.example)", "[a][b]",
)  # fmt: skip


@pytest.mark.parametrize("text", CALLS)
def test_no_call_and_no_link_under_another_name(text: str):
    said = chat_text(f"iam-a says '{text}' again")
    assert not re.search(r"@(everyone|here|channel|all|room)|(?<!\w)@|<[!@uah]|\]\(|\]\[", said, re.IGNORECASE), (
        said
    )


@pytest.mark.parametrize(
    "text",
    ["root@vm from 10.0.4.10", "iam@1.service failed", "5 < 6 and <= 3", "[CRITICAL] lab: x"],
)
def test_what_calls_nobody_stays(text: str):
    assert chat_text(text) == text

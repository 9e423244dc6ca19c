"""A message: its next step names the cluster, and hostile text breaks no subject."""

from __future__ import annotations

from dataclasses import replace

from tests.support.watching import DOWN, Seen, finding


def test_the_next_step_names_the_cluster():
    seen = Seen()
    seen.pass_time(5, replace(DOWN, next="iamops start iam-pump iam-a"))
    assert "next: iamops --profile lab start iam-pump iam-a" in seen.said[0].body


def test_hostile_text_cannot_break_a_subject():
    seen = Seen()
    seen.pass_time(5, finding(title="nginx\r\nBcc: everybody@example.com\x1b[2J is down"))
    assert "\n" not in seen.said[0].subject
    assert "\x1b" not in seen.said[0].subject

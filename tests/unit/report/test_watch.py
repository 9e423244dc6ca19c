"""What a watch writes: messages that survive their document, signs of life, and its own state."""

from __future__ import annotations

import json

import pytest

from iamops.report.watch import (
    alert_document,
    heartbeat_document,
    left_out_document,
    message_of,
    watch_document,
    watch_test_document,
)
from tests.support.watching import Seen

NOW = 1_795_442_000.0


def test_a_message_survives_its_document():
    seen = Seen()
    seen.move("iam-a", "iam-b")
    (said,) = seen.said
    assert message_of(json.loads(json.dumps(alert_document("000001-x", said)))) == said


@pytest.mark.parametrize("raw", [{}, {"at": 7}, {"at": "yesterday"}])
def test_what_is_no_such_document_is_refused(raw: dict):
    with pytest.raises((ValueError, TypeError, KeyError)):
        message_of(raw)


def test_what_is_never_delivered_has_no_number():
    alive = heartbeat_document("lab", NOW, ["iam-a", "iam-b"])
    assert (alive["id"], alive["kind"], alive["title"]) == (None, "heartbeat", "seen: iam-a, iam-b")
    assert left_out_document("lab", NOW, 1)["title"] == "1 line was left out here: nobody read them"
    assert left_out_document("lab", NOW, 3)["title"] == "3 lines were left out here: nobody read them"


def test_the_state_tells_what_is_open_and_how_long_the_oldest_message_waits():
    case = {
        "code": "unit-down",
        "node": "iam-a",
        "severity": "critical",
        "title": "x",
        "first": NOW - 60,
        "told_as": None,
    }
    document = watch_document(
        "lab",
        NOW,
        "/var/lib/iamops",
        running=True,
        silence=None,
        silence_trouble="",
        alerts={
            "vips": {"VI_1": {"seen_on": "iam-a"}},
            "cases": [{**case, "open": True}, {**case, "open": False}],
        },
        waiting_since=[NOW - 12.34, NOW - 1],
        unreadable_lines=0,
    )
    assert [(each["code"], each["told"]) for each in document["open"]] == [("unit-down", False)]
    assert document["vip"] == {"VI_1": "iam-a"}
    assert (document["undelivered"], document["oldest_undelivered_s"]) == (2, 12.3)
    assert (document["silence"], document["silence_trouble"]) == (None, None)


def test_with_nothing_waiting_there_is_no_oldest():
    document = watch_document(
        "lab",
        NOW,
        "/d",
        running=False,
        silence=None,
        silence_trouble="",
        alerts={},
        waiting_since=(),
        unreadable_lines=2,
    )
    assert (document["undelivered"], document["oldest_undelivered_s"], document["open"]) == (0, None, [])
    assert watch_test_document([])["destinations"] == []

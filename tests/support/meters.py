"""A client that has measured what a test says."""

from __future__ import annotations

from iamops.model.outage import GapReport, ProbeResult, ProbeRow, Samples, Segment, gap_report


class FixedMeter:
    """A client that has measured this."""

    def __init__(self, report: GapReport) -> None:
        self._report = report

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def report(self) -> GapReport:
        return self._report

    def samples(self) -> Samples:
        return Samples()


def measured(*failed_s: float) -> GapReport:
    """Gaps of these lengths, a second apart."""
    segments, at = [Segment(ProbeResult.GOOD, "iam-a", 0.0, 1.0, 100)], 1.0
    for length_s in failed_s:
        segments += [
            Segment(ProbeResult.WRONG, None, at, at + length_s, 10),
            Segment(ProbeResult.GOOD, "iam-a", at + length_s, at + length_s + 1, 100),
        ]
        at += length_s + 1
    return gap_report([ProbeRow(tuple(segments), 0.01)])

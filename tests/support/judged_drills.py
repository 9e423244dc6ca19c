"""A drill's evidence judged as the console judges it."""

from __future__ import annotations

from iamops.judge.drill.judgement import failures, measures
from iamops.model.drill import Drill
from iamops.session.drills.files import load_drill
from tests.support.drill_samples import course

STOP = load_drill("keepalived-stop")


def judged(evidence, drill: Drill = STOP, **live):
    way = course(drill, **live)
    return failures(way, evidence, measures(way, evidence))

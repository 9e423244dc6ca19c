"""The codes of the reasons that a person may insist against."""

from __future__ import annotations

OVERRIDABLE = frozenset(
    {
        "anti-flap",
        "check-blind",
        "check-weighs",
        "config-differs",
        "config-invalid",
        "datastore-spof",
        "dependency-down",
        "last-backend",
        "preempts",
        "priority-raised",
        "split-brain",
        "stale-evidence",
        "standby-fault",
        "standby-silent",
        "standby-unhealthy",
        "standby-unreachable",
        "unloaded-changes",
        "unsteady",
    }
)

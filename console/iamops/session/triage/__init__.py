"""One triage: live state, inspection, timeline."""

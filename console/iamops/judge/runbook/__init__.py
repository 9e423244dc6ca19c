"""The runbook: one page for each runtime rule, grouped by hundreds. Data only."""

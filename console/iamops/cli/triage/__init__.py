"""`iamops triage`."""

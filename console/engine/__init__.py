"""Floor 4: carries out a plan: lock, dead-man, step, verify, undo, audit."""

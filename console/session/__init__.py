"""Floor 5: the composition root. Profile + nodes + store, wired once for every front."""

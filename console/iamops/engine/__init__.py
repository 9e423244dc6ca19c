"""Carries out a plan: lock, undo, step, verification, audit."""

"""Screens: which widgets are shown, and where."""

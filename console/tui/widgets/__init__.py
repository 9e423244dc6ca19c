"""Widgets: one per file. Each turns a view's lines into strips and moves a cursor; none decides."""

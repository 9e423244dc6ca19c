"""What every view is made of: text, panes, themes."""

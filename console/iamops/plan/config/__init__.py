"""Plans that push files."""

"""The last lines of the screen: status, key hints, prompt."""

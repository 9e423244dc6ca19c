"""The application: keys, commands, painting, what runs."""

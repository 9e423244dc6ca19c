"""The exit codes of every command."""

from console.model.exit_code import ExitCode

__all__ = ["ExitCode"]

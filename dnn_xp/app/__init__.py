"""The command line: commands, progress and tables. Needs ``[app]``."""

__all__: list[str] = []

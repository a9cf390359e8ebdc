"""What a person sees: the command line, its progress bars and its tables. Needs ``[app]``."""

__all__: list[str] = []

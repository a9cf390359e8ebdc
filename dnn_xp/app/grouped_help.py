"""Help of a command: arguments by their names, and many options in groups."""

from typing import Any

from typer.core import TyperCommand

__all__ = ["GroupedCommand", "PlainCommand"]


class PlainCommand(TyperCommand):
    """Command whose help shows arguments by their names alone, without types of Python."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options, each under their heading."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                name, text = record
                if parameter.param_type_name == "argument":
                    name = name.partition(" <")[0]  # behind it Typer puts the type
                groups.setdefault(self.heading(parameter), []).append((name, text))
        for heading, records in groups.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

    def heading(self, parameter: Any) -> str:
        """Return the heading under which an argument or an option stands."""
        return f"{parameter.param_type_name.capitalize()}s"


class GroupedCommand(PlainCommand):
    """Command whose help shows each group of options under a heading of its own.

    A group is the ``rich_help_panel`` of its options; those without one come first, as "Options".
    """

    def heading(self, parameter: Any) -> str:
        """Return the group of an option, where it has one."""
        return getattr(parameter, "rich_help_panel", None) or super().heading(parameter)

"""Help of a command with many options: those that one needs first stand first."""

import re
from typing import Any

from typer.core import TyperCommand

__all__ = ["GroupedCommand"]

_FEW = 14
"""Parameters that stand together."""
_PYTHONS_TYPE = re.compile(r" <[^<>]+>$")
"""What typer says behind the name of an argument, such as ``<list[str]>``."""


class GroupedCommand(TyperCommand):
    """Command whose help shows each group of options under a heading of its own.

    A group is the ``rich_help_panel`` of its options; those without one come first, as "Options".
    Where there are few options they are all of one group.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the groups of options."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        parameters = self.get_params(ctx)
        are_many = len(parameters) > _FEW
        for parameter in parameters:
            record = parameter.get_help_record(ctx)
            if record is not None:
                name, text = record
                record = _PYTHONS_TYPE.sub("", name), text
                usual = f"{parameter.param_type_name.capitalize()}s"
                group = getattr(parameter, "rich_help_panel", None) if are_many else None
                heading = group or usual
                groups.setdefault(heading, []).append(record)
        for heading, records in groups.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

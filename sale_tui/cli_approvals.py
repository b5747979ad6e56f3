"""The commands of ``sale-tui approvals``."""

from __future__ import annotations

import click

from sale_tui.errors import UsageFault


@click.group()
def approvals() -> None:
    """Calls that you have allowed for always: list and forget them."""


@approvals.command("list")
@click.option("--json", "as_json", is_flag=True, help="Data on stdout as JSON, narration on stderr.")
def approvals_list(as_json: bool) -> int:
    """List what you have allowed for always, numbered, the oldest first."""
    from sale_tui.front import list_approvals

    return list_approvals(as_json=as_json)


@approvals.command("forget")
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.option("--all", "everything", is_flag=True, help="Forget all of them.")
@click.option("--json", "as_json", is_flag=True, help="Data on stdout as JSON, narration on stderr.")
def approvals_forget(number: int | None, everything: bool, as_json: bool) -> int:
    """Forget one answer, by its NUMBER in the list, or all: such calls are asked for again."""
    from sale_tui.front import forget_approvals

    if (number is None) == (not everything):
        raise UsageFault("say which answer to forget", "a number of `sale-tui approvals list`, or --all")
    return forget_approvals(number, as_json=as_json)

"""Tables of many columns."""

from collections.abc import Sequence
from io import StringIO

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_wide(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]], *, names: int) -> None:
    """Prints a table in which no cell is cut or wrapped, however narrow the terminal is.

    Args:
        console: where to.
        head: of the columns.
        rows: their cells.
        names: how many columns, from the first on, say what a row is about. Those in which several rows agree stand
            in the title.
    """
    shared = [i for i in range(names) if len(rows) > 1 and len({row[i] for row in rows}) == 1]
    title = ", ".join(f"{head[i]} {rows[0][i]}" for i in shared)
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=escape(title) or None, title_justify="left"
    )
    shown = [i for i in range(len(head)) if i not in shared]
    for i in shown:
        table.add_column(head[i], no_wrap=True, justify="left" if i < names else "right")
    for row in rows:
        table.add_row(*(escape(row[i]) for i in shown))
    text = StringIO()
    Console(file=text, width=10_000).print(table)
    lines = "\n".join(line.rstrip() for line in text.getvalue().splitlines() if line.strip())
    console.print(lines, markup=False, highlight=False, soft_wrap=True)

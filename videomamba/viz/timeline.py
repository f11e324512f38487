"""A video's segments as coloured bars, truth above prediction."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from videomamba.errors import UserError

# Paul Tol's "muted" and "bright": distinct to the colour-blind and in grey; hatches tell a second round apart
COLOURS = (
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#DDCC77",
    "#CC6677",
    "#AA4499",
    "#EE7733",
    "#882255",
    "#999933",
)
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo")
_REST = "#E4E4E4"

Bar = tuple[str, float, float]  # label, begin and end, in the figure's unit


def timeline_figure(
    rows: Mapping[str, Sequence[Bar]],
    *,
    rest: Sequence[str] = ("background",),
    unit: str = "frames",
    title: str = "",
) -> Figure:
    """One row of bars per entry, all on one time axis, and a legend of the labels in order of appearance.

    Args:
        rows: name -> segments; the first is drawn on top.
        rest: labels drawn in light grey.
        unit: of the bars' ends, written at the axis.
        title: written on top.

    Returns:
        A figure to save or show.

    Raises:
        UserError: no segment at all.
    """
    bars = [bar for segments in rows.values() for bar in segments]
    if not bars:
        raise UserError("there is no segment to draw")
    labels = list(dict.fromkeys(label for label, _, _ in bars if label not in rest))
    style = {
        label: (COLOURS[i % len(COLOURS)], HATCHES[i // len(COLOURS) % len(HATCHES)]) for i, label in enumerate(labels)
    }
    style |= dict.fromkeys(rest, (_REST, ""))
    length = max(end for _, _, end in bars)
    columns = 6
    used = [*labels, *(label for label in rest if any(bar[0] == label for bar in bars))]
    lines = -(-len(used) // columns)
    figure = Figure(figsize=(11, 0.75 * len(rows) + 0.9 + 0.24 * lines), layout="constrained")
    axis = figure.subplots()
    for row, segments in enumerate(rows.values()):
        for label, start, end in segments:
            colour, hatch = style[label]
            axis.broken_barh(
                [(start, end - start)],
                (-row - 0.4, 0.8),
                facecolor=colour,
                hatch=hatch,
                edgecolor="white",
                linewidth=0.4,
            )
    axis.set_yticks([-row for row in range(len(rows))], list(rows))
    axis.set_xlim(0, length)
    axis.set_xlabel(unit)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)
    patches = [
        Patch(facecolor=style[label][0], hatch=style[label][1], edgecolor="white", label=label) for label in used
    ]
    legend = figure.legend(
        handles=patches, loc="outside lower center", ncols=min(columns, len(used)), frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    figure.suptitle(title, fontsize=10, parse_math=False)  # names of files and labels may have dollars
    return figure

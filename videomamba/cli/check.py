"""``videomamba check``: finds broken files in a data set before training."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from videomamba.cli.common.annotated import Fold, Layout, annotated_videos, point_out_missing, point_out_notes
from videomamba.cli.common.options import HoldOut, Json, Split, Workers, default_workers, option, people, print_json
from videomamba.errors import UserError
from videomamba.files import check_writable
from videomamba.tables import write_csv_lines

if TYPE_CHECKING:
    from videomamba.data.annotations import Annotations
    from videomamba.data.check import Finding


class Video(NamedTuple):
    """A file that the data set names."""

    path: Path
    part: str
    label: str


def check(
    data: Annotated[Path, tyro.conf.Positional, option("DATA")],
    split: Split = None,
    hold_out: HoldOut = None,
    layout: Layout = None,
    splits: Fold = None,
    frames: Annotated[int, option("N")] = 16,
    csv: Annotated[Path | None, option("FILE")] = None,
    workers: Workers = None,
    json: Json = False,
) -> int:
    """Looks for videos that are missing, unreadable, too short, or decoded only with errors.

    Opens every video and decodes its first and last frame. The exit status is 2 if any is bad. Ctrl-C prints what was
    found so far.

    Args:
        data: a folder of classes, the folder of a csv's videos, or a data set in its published layout
        frames: a video with fewer frames is too short
        csv: list the bad videos there: path, part, label, problem, reason
    """
    from videomamba.data.check import PROBLEMS, check_videos

    if frames < 1:
        raise UserError(f"--frames {frames}; give at least 1")
    if workers is not None and workers < 0:
        raise UserError(f"--workers {workers}; give at least 0")
    if csv is not None and not csv.absolute().parent.is_dir():
        raise UserError(f"--csv {csv}: there is no folder {csv.absolute().parent}")
    if csv is not None:
        check_writable(csv, folder=False)
    console = people()
    parts = annotated_videos(data, split=split, hold_out=hold_out, layout=layout, fold=splits, missing_ok=True)
    point_out_missing(parts, console)
    point_out_notes(parts, console)
    videos = _videos(parts)
    found: dict[int, Finding] = {}
    checked: list[Video] = []
    stopped = False
    with _progress(console) as bar:
        task = bar.add_task("checking", total=len(videos))
        processes = default_workers() if workers is None else workers
        try:
            for place, finding in check_videos([video.path for video in videos], frames=frames, workers=processes):
                checked.append(videos[place])
                if finding is not None:
                    found[place] = finding
                bar.update(task, completed=len(checked), description=f"checking, {len(found)} bad")
        except KeyboardInterrupt:
            stopped = True
    bad = [(videos[place], found[place]) for place in sorted(found)]
    per_class = _per_class(checked, bad)
    _show(len(checked), per_class, bad, console)
    if csv is not None:
        _write(csv, bad)
        console.print(f"wrote {csv}", soft_wrap=True)
    if json:
        counts = Counter(finding.problem for _, finding in bad)
        print_json(
            {
                "count": len(videos),
                "checked": len(checked),
                **{problem: counts[problem] for problem in PROBLEMS},
                "per_class": per_class,
                "bad": [{**video._asdict(), **finding._asdict()} for video, finding in bad],
            }
        )
    if stopped:
        raise KeyboardInterrupt(f"stopped after {len(checked)} of {len(videos)} videos")
    return 2 if bad else 0


def _videos(parts: "dict[str, Annotations]") -> list[Video]:
    return [
        Video(record.path, name, part.class_names[record.label])
        for name, part in parts.items()
        for record in (*part.records, *part.missing)
    ]


def _per_class(checked: Sequence[Video], bad: "Sequence[tuple[Video, Finding]]") -> dict[str, dict[str, int]]:
    """Videos that were checked, and the number of each problem, by class in the order of names."""
    from videomamba.data.check import PROBLEMS

    counts = Counter((video.label, finding.problem) for video, finding in bad)
    videos = Counter(video.label for video in checked)
    return {
        label: {"videos": videos[label], **{problem: counts[label, problem] for problem in PROBLEMS}}
        for label in sorted(videos)
    }


def _show(
    count: int, per_class: dict[str, dict[str, int]], bad: "Sequence[tuple[Video, Finding]]", console: Console
) -> None:
    """Classes with problems as a table, and the first bad videos."""
    if not bad:
        console.print(f"{count} videos of {len(per_class)} classes: all good")
        return
    troubled = {label: row for label, row in per_class.items() if any(row[name] for name in row if name != "videos")}
    table = Table("class", *(next(iter(per_class.values()))))
    for label, row in troubled.items():
        table.add_row(label, *(str(number or "") for number in row.values()))
    table.add_section()
    table.add_row(
        "all", *(str(sum(row[name] for row in per_class.values())) for name in next(iter(per_class.values())))
    )
    console.print(table)
    for video, finding in bad[:10]:
        console.print(f"{finding.problem}: {video.path}: {finding.reason}", soft_wrap=True)
    if len(bad) > 10:
        console.print(f"and {len(bad) - 10} more: --csv FILE lists them")
    console.print(
        f"{len(bad)} of {count} videos are bad, in {len(troubled)} of {len(per_class)} classes", soft_wrap=True
    )


def _write(file: Path, bad: "Sequence[tuple[Video, Finding]]") -> None:
    from videomamba.data.broken import COLUMNS

    write_csv_lines(file, [COLUMNS, *((*video, *finding) for video, finding in bad)])


def _progress(console: Console) -> Any:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

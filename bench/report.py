"""Results to people: the table on the terminal, the file in `results/`, the table in the READMEs."""

import datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.result import Figure, Result

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
GATEWAY_API = RESULTS / "gatewayapi"
BENCH, GATEWAY_API_BENCH = "bench", "gatewayapi"  # names of the markers in the READMEs
MET = {True: "yes", False: "**no**", None: "–"}
MET_ZH = {True: "是", False: "**否**", None: "–"}


class ReadmeError(Exception):
    """The table cannot be put into the README."""


class Run(msgspec.Struct):
    """A result file."""

    date: str
    commit: str
    changed: bool
    machine: dict[str, Any]
    rows: dict[str, Result]
    #: What else the machine did, as whoever measured says.
    state: str = ""

    @property
    def figures(self) -> list[Figure]:
        """Of all rows, in their order."""
        return [figure for row in self.rows.values() for figure in row.figures]


def show(figures: list[Figure]) -> None:
    """Print the table."""
    table = Table("what", "bar", "measured", "met", title="bench")
    for each in figures:
        met, style = MET[each.met].strip("*"), {True: "green", False: "bold red", None: "dim"}[each.met]
        table.add_row(each.what, each.bar, each.measured, f"[{style}]{met}[/]")
    Console().print(table)


def save_gateway_api(rows: dict[str, Result], order: list[str], state: str) -> Path:
    """As `save`, for the scenarios on a cluster."""
    return save(rows, order, GATEWAY_API, state)


def save(rows: dict[str, Result], order: list[str], folder: Path = RESULTS, state: str = "") -> Path:
    """Write the result file. Rows of the same day, commit and machine stay if they were not measured again."""
    commit, changed = machine.commit()
    run = Run(datetime.date.today().isoformat(), commit, changed, machine.describe(), rows, state)
    path = folder / f"{run.date}-{run.commit}.json"
    if path.exists():
        earlier = _load(path)
        if earlier.machine == run.machine and earlier.changed == run.changed:
            known = earlier.rows | rows
            run.rows = {name: known[name] for name in order if name in known}
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run)) + b"\n")
    return path


def _load(path: Path) -> Run:
    return msgspec.json.decode(path.read_bytes(), type=Run)


def newest(folder: Path = RESULTS) -> Run:
    """The result that was written last. Raises ReadmeError when there is none."""
    files = sorted(folder.glob("*.json"), key=lambda path: (path.name[:10], path.stat().st_mtime_ns))
    if not files:
        raise ReadmeError(f"no result in {folder.name}: run `make bench` first")
    return _load(files[-1])


def rewrite_readmes(run: Run, root: Path = ROOT) -> None:
    """Put the table between the markers of both READMEs. Raises ReadmeError when they are missing."""
    _rewrite(root / "README.md", BENCH, _english(run))
    _rewrite(root / "README.zh-CN.md", BENCH, _chinese(run))


def rewrite_gateway_api(run: Run | None = None, root: Path = ROOT) -> None:
    """The same for the scenarios on a cluster, beside what is published of others."""
    run = run or newest(GATEWAY_API)
    _rewrite(root / "README.md", GATEWAY_API_BENCH, _english(run, published=True))
    _rewrite(root / "README.zh-CN.md", GATEWAY_API_BENCH, _chinese(run, published=True))


def _rewrite(path: Path, name: str, table: str) -> None:
    begin_marker, end_marker = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begin, rest = text.partition(begin_marker)
    _, end, after = rest.partition(end_marker)
    if not (begin and end):
        raise ReadmeError(f"{path.name}: write {begin_marker} and {end_marker} where the table belongs")
    path.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")


def _english(run: Run, published: bool = False) -> str:
    lines = ["| what | bar | measured | met |" + (" published of others |" if published else "")]
    lines += ["|---|---|---|---|" + ("---|" if published else "")]
    lines += [f"| {f.what} | {f.bar} | {f.measured} | {MET[f.met]} |{_of_others(f, published)}" for f in run.figures]
    cores = run.machine["cores"]
    changed = " with changes" if run.changed else ""
    state = f" {run.state}" if run.state else ""
    return "\n".join([*lines, "", f"{run.date}, commit {run.commit}{changed}; {cores} cores of {_place(run)}.{state}"])


def _of_others(figure: Figure, wanted: bool) -> str:
    return f" {figure.published or '–'} |" if wanted else ""


def _chinese(run: Run, published: bool = False) -> str:
    lines = ["| 项目 | 目标 | 实测 | 达标 |" + (" 其他网关的公布值 |" if published else "")]
    lines += ["|---|---|---|---|" + ("---|" if published else "")]
    lines += [
        f"| {f.what_zh} | {f.bar} | {f.measured} | {MET_ZH[f.met]} |{_of_others(f, published)}" for f in run.figures
    ]
    cores, changed = run.machine["cores"], "（含未提交的修改）" if run.changed else ""
    return "\n".join([*lines, "", f"{run.date}，提交 {run.commit}{changed}；{cores} 核，{_place(run)}。"])


def _place(run: Run) -> str:
    found = run.machine
    memory = f"{found['memory_bytes'] / 1e9:.0f} GB"
    return f"{found['cpu']}, {memory}, Linux {found['kernel']}, Python {found['python']}, Envoy {found['envoy']}"

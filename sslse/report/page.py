"""One self-contained HTML page: table, claims, figures, spectrograms and audio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from sslse.metrics.base import lower_is_better
from sslse.report.analyses import Analysis
from sslse.report.claims import Claim
from sslse.report.conflict import CAPTION, HEADS, conflict_chart, conflict_table
from sslse.report.curves import row_colors, snr_charts, training_charts, weight_charts
from sslse.report.examples import Clip, Example
from sslse.report.forest import claims_section
from sslse.report.format import format_cell, format_number, heading, unit
from sslse.report.grid import Grid, main_grid
from sslse.report.paper import Paper, paper_lines
from sslse.report.results import Key, Results
from sslse.report.table import notes
from sslse.report.theme import SCRIPT, STYLE
from sslse.report.trajectories import TrajectoryExample


def html_page(
    results: Results,
    *,
    title: str,
    claims: Sequence[Claim],
    paper: Paper | None,
    snr_db: Mapping[str, float],
    examples: Sequence[Example],
    settings: Sequence[tuple[str, str, dict[str, dict[str, float]]]],
    commands: Sequence[str],
    versions: Mapping[str, str],
    remarks: Sequence[str] = (),
    tables: Sequence[Grid] = (),
    analyses: Sequence[Analysis] = (),
    trajectories: Sequence[TrajectoryExample] = (),
) -> str:
    """Return the page.

    Args:
        results: the table.
        title: heading.
        claims: compared pairs.
        paper: numbers to stand beside.
        snr_db: utterance to SNR of the noisy input, dB.
        examples: utterances to see and hear.
        settings: (system, chosen weight, weight to error rates) of the validation set.
        commands: that made the results.
        versions: of packages.
        remarks: paragraphs of the experimenter's own, below the table.
        tables: below the main one: of common seeds, by test condition.
        analyses: figures of analyses of the systems.
        trajectories: pictures of articulation, measured and predicted.
    """
    figures = snr_charts(results, snr_db)
    training = training_charts(results)
    sections = [
        ("result", "Result", _result(results, paper, remarks)),
        ("analysis", "Analysis", _analyses(analyses)),
        ("tables", "More tables", _more_tables(results, tables)),
        ("claims", "What holds, and what does not", claims_section(claims)),
        ("paper", "Beside the paper", _paper(results, paper) if paper else ""),
        ("snr", "Against the SNR of the input", _figures(results, figures)),
        ("weight", "Against the weight of the loss", _weights(results)),
        ("conflict", "Conflict of the gradients", _conflict(results)),
        ("listen", "See and listen", _examples(results, examples)),
        ("trajectories", "Trajectories", _trajectories(trajectories)),
        ("training", "Training", _training(training)),
        ("details", "Details", _details(settings, commands, versions)),
    ]
    sections = [section for section in sections if section[2]]
    links = "".join(f'<a href="#{name}">{text}</a>' for name, text, _ in sections)
    body = "".join(
        f'<section id="{name}"><h2>{text}</h2>{content}</section>'
        for name, text, content in sections
    )
    utterances = results.about.get("utterances", "?")
    seeds = ", ".join(map(str, results.seeds))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f'<style>{STYLE}</style></head><body><header><h1>{escape(title)}</h1><p class="lead">Set '
        f"{escape(results.set_name)} · {utterances} utterances · seeds {seeds}</p>"
        f"<nav>{links}</nav></header>{body}<script>{SCRIPT}</script></body></html>\n"
    )


def _dot(color: int) -> str:
    return f'<span class="dot c{color % 8}"></span>'


def _result(results: Results, paper: Paper | None, remarks: Sequence[str]) -> str:
    grid = main_grid(results)
    heads = _heads(grid)
    group = ""
    if paper and paper.columns:
        group = (
            f'<tr><th class="group"></th><th class="group" colspan="{len(results.columns)}">'
            "measured here</th>"
            f'<th class="group first" colspan="{len(paper.columns)}">printed in the paper</th></tr>'
        )
        heads += "".join(
            f'<th class="paper{" first" * (not number)}">{escape(name)}</th>'
            for number, name in enumerate(paper.columns)
        )
    lines = []
    for key, cells in _rows(results, grid).items():
        if paper:
            numbers = paper.rows.get(key, (None,) * len(paper.columns))
            cells += "".join(
                f'<td class="paper{" first" * (not place)}">'
                f"{'' if number is None else f'{number:g}'}</td>"
                for place, number in enumerate(numbers)
            )
        lines.append(f"<tr{' class=added' * key[1]}>{cells}</tr>")
    table = (
        f'<div class="scroll"><table><thead>{group}<tr><th>system</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )
    paragraphs = [*notes(results), *remarks]
    return table + "".join(f'<p class="note">{escape(text)}</p>' for text in paragraphs)


def _heads(grid: Grid) -> str:
    """Return the ``<th>`` elements of the columns: a measure has its unit and better direction."""
    if not grid.of_measures:
        return "".join(f"<th>{escape(head)}</th>" for head in grid.heads)
    return "".join(
        f"<th>{escape(heading(column)).replace('WER ', 'WER<br>')}<small>"
        f"{unit(column) or '&nbsp;'} {'↓' if lower_is_better(column) else '↑'}</small></th>"
        for column in grid.measures
    )


def _rows(results: Results, grid: Grid) -> dict[Key, str]:
    """Return the ``<td>`` elements of each row."""
    colors = row_colors(results)
    best = [grid.best(place) for place in range(len(grid.heads))]
    rows = {}
    for key, cells in grid.rows.items():
        row = results.rows[key]
        label = row.short if (key[0], False) in results.rows else row.label
        texts = [f"<td>{_dot(colors[key])}{escape(label)}</td>"]
        for place, cell in enumerate(cells):
            mean, spread = format_cell(grid.measures[place], cell)
            text = f"<b>{mean}</b>" if key in best[place] else mean
            texts.append(f"<td>{text}{f'<small>±{spread}</small>' if spread else ''}</td>")
        rows[key] = "".join(texts)
    return rows


def _more_tables(results: Results, grids: Sequence[Grid]) -> str:
    parts = []
    for grid in grids:
        lines = "".join(
            f"<tr{' class=added' * key[1]}>{cells}</tr>"
            for key, cells in _rows(results, grid).items()
        )
        parts.append(
            f'<h3>{escape(grid.title)}</h3><div class="scroll"><table><thead><tr><th>system</th>'
            f"{_heads(grid)}</tr></thead><tbody>{lines}</tbody></table></div>"
        )
    return "".join(parts)


def _paper(results: Results, paper: Paper) -> str:
    changes = [
        (escape(what), printed, escape(measured))
        for what, printed, measured in paper_lines(results, paper)
    ]
    table = _table(("relative change", "paper", "here"), changes) if changes else ""
    return (
        f'{table}<p class="note">Paper: {escape(paper.citation)}. Its setting: '
        f"{escape(paper.setting)}. The numbers are not comparable one by one; "
        "the directions are.</p>"
    )


def _legend(results: Results) -> str:
    colors = row_colors(results)
    items = [
        f'<label class="c{colors[key] % 8}"><input type="checkbox" '
        f'{"checked " * (not key[1])}value="{escape(key[0])}{"+oa" * key[1]}">'
        f"<i{' class=dashed' * key[1]}></i><span>{escape(row.label)}</span></label>"
        for key, row in results.rows.items()
    ]
    return f'<div class="legend">{"".join(items)}</div>'


def _figures(results: Results, figures: Sequence[str]) -> str:
    if not figures:
        return ""
    return (
        _legend(results)
        + f'<div class="charts">{"".join(figures)}</div><p class="note">Bins of equal width; each '
        "point lies at the mean SNR of its bin and pools the utterances of all seeds.</p>"
    )


def _weights(results: Results) -> str:
    charts = weight_charts(results)
    if not charts:
        return ""
    names = dict.fromkeys(key[0].split("@")[0] for key in results.rows if "@" in key[0])
    legend = "".join(
        f'<span class="c{color % 8}"><span class="dot"></span></span> '
        f"{escape(results.labels.get(name, name))} "
        for color, name in enumerate(names)
    )
    return f'<p class="note">{legend}</p><div class="charts">{"".join(charts)}</div>'


def _analyses(analyses: Sequence[Analysis]) -> str:
    return "".join(
        f'<h3>{escape(analysis.title)}</h3>{analysis.notes}<div class="charts">'
        f"{''.join(analysis.charts)}</div><details><summary>numbers</summary>"
        f"{_table(analysis.heads, [[escape(cell) for cell in row] for row in analysis.rows])}"
        "</details>"
        for analysis in analyses
    )


def _conflict(results: Results) -> str:
    rows = conflict_table(results)
    if not rows:
        return ""
    colors = row_colors(results)
    names = {results.labels.get(key[0], key[0]): color for key, color in colors.items()}
    marked = [[_dot(names.get(name, 0)) + escape(name), *numbers] for name, *numbers in rows]
    return (
        f'{_table(HEADS, marked)}<div class="charts">{conflict_chart(results)}</div>'
        f'<p class="note">{CAPTION}</p>'
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>'
        "</div>"
    )


def _examples(results: Results, examples: Sequence[Example]) -> str:
    if not examples:
        return ""
    colors = row_colors(results)
    parts = [
        '<p class="note">Chosen by rule: evenly from the lowest to the highest input SNR. A click '
        "on a spectrogram plays from there; while one plays, the keys 1, 2, 3 … switch to that "
        "version at the same moment. Spectrograms of an utterance share one scale of "
        "70 dB. Words: <mark>wrong</mark> <ins>added</ins> <del>missed</del>.</p>"
    ]
    for example in examples:
        cut = f" · first {example.seconds:.1f} s" if example.cut else f" · {example.seconds:.1f} s"
        plain = [clip for clip in example.clips if not clip.key[1]]
        added = [clip for clip in example.clips if clip.key[1]]
        cards = [
            _clip(results, example, clip, number, colors[clip.key])
            for number, clip in enumerate([*plain, *added], 1)
        ]
        more = ""
        if added:
            more = (
                "<details><summary>with observation adding</summary>"
                f'<div class="clips">{"".join(cards[len(plain) :])}</div></details>'
            )
        parts.append(
            f'<article>{_utterance(example, cut)}<div class="clips">'
            f"{''.join(cards[: len(plain)])}</div>{more}</article>"
        )
    return "".join(parts)


def _trajectories(examples: Sequence[TrajectoryExample]) -> str:
    if not examples:
        return ""
    parts = [
        '<p class="note">Chosen by the same rule. Each curve has mean 0 and deviation 1 where the '
        "articulation was measured, because the correlation sees its shape alone; drawn are the "
        "measured one and those of the rows with the lowest and the highest PPMC.</p>"
    ]
    for example in examples:
        parts.append(
            f"<article>{_utterance(example)}"
            f'<img class="wide" alt="trajectories" src="{example.picture}"></article>'
        )
    return "".join(parts)


def _utterance(example: Example | TrajectoryExample, more: str = "") -> str:
    """Return the heading of an utterance: its words, id and SNR, and what else is known."""
    snr = "" if example.snr_db is None else f" · {example.snr_db:.1f} dB SNR"
    return (
        f"<h3>{escape(example.text) or escape(example.utterance)}</h3>"
        f'<p class="meta">{escape(example.utterance)}{snr}{more}</p>'
    )


def _clip(results: Results, example: Example, clip: Clip, number: int, color: int) -> str:
    words = "".join(
        f"<dt>{escape(name)}</dt><dd>{text}</dd>" for name, text in clip.hypotheses.items()
    )
    words = f'<dl class="words">{words}</dl>' if words else ""
    return (
        f'<div class="clip"><header><span>{_dot(color)}{escape(results.rows[clip.key].label)}'
        f"</span><span>{_measured(results, clip.key, example.utterance)} <kbd>{number}</kbd></span>"
        f'</header><div class="picture"><img alt="spectrogram" src="{clip.picture}">'
        f'<span class="hertz" style="top:4px">{example.top_hz / 1000:g} kHz</span>'
        f'<span class="now"></span></div><audio controls preload="metadata" '
        f'src="{clip.audio}"></audio>{words}</div>'
    )


def _measured(results: Results, key: tuple[str, bool], utterance: str) -> str:
    """SDR of one clip, where it says something."""
    if key[0] == "clean" or "sdr" not in results.columns:
        return ""
    row = results.rows[key]
    value = row.column("sdr").get(min(row.runs), {}).get(utterance)  # of the seed that is heard
    return f"SDR {format_number('sdr', value[0])}" if value else ""


def _training(training: Sequence[tuple[str, list[str]]]) -> str:
    parts = []
    for title, charts in training:
        charts = [chart for chart in charts if chart]
        if not charts:
            continue
        more = ""
        if len(charts) > 1:
            more = (
                f"<details><summary>{len(charts) - 1} more curves</summary>"
                f'<div class="charts">{"".join(charts[1:])}</div></details>'
            )
        parts.append(f"<div><h3>{escape(title)}</h3>{charts[0]}{more}</div>")
    if not parts:
        return ""
    return (
        '<p class="note"><span class="c3"><span class="dot"></span></span>training '
        '&nbsp;<span class="c1"><span class="dot"></span></span>validation; a line for each seed, '
        f'smoothed for drawing.</p><div class="charts">{"".join(parts)}</div>'
    )


def _details(
    settings: Sequence[tuple[str, str, dict[str, dict[str, float]]]],
    commands: Sequence[str],
    versions: Mapping[str, str],
) -> str:
    parts = []
    if settings:
        weights = list(dict.fromkeys(name for _, _, table in settings for name in table))
        heads = "".join(f"<th>ω = {escape(name)}</th>" for name in weights)
        rows = ""
        for system, chosen, table in settings:
            cells = ""
            for name in weights:
                rate = f"{100 * table[name]['mean']:.1f}" if name in table else ""
                cells += f"<td><b>{rate}</b></td>" if name == chosen else f"<td>{rate}</td>"
            rows += f"<tr><td>{escape(system)}</td>{cells}</tr>"
        parts.append(
            "<h3>Observation adding, chosen on the validation set</h3>"
            f'<div class="scroll"><table><thead><tr><th>mean WER %</th>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div>"
        )
    if commands:
        parts.append(f"<h3>Commands</h3><pre>{escape(chr(10).join(commands))}</pre>")
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    parts.append(f'<h3>Versions</h3><p class="note">{escape(listed)}</p>')
    return "".join(parts)

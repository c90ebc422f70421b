"""What a study's trials say, as lines for a terminal and as Markdown."""

import html
from typing import TYPE_CHECKING

from convsweep.errors import printable
from convsweep.insight.findings import Findings, look_back
from convsweep.insight.importance import Importance
from convsweep.study.key_names import shortened

if TYPE_CHECKING:
    from optuna import Study

CHANCE = "may be chance"
FEW = 3  # keys, where there is little room


def what_mattered(study: "Study") -> str:
    """Return what mattered in a study and what to do next, as Markdown; empty where nothing can be said."""
    return as_markdown(look_back(study))


def as_markdown(findings: Findings) -> str:
    """Write findings as Markdown; what they quote is shown as it is, and is no markup."""
    lines: list[str] = []
    for metric, importances in findings.importances.items():
        if not importances:
            continue
        which = f" for {_text(metric)}" if len(findings.importances) > 1 else ""
        lines += [f"**What mattered{which}** ({findings.compared} trials)", ""]
        lines += ["| key | importance | 90% interval | |", "| --- | ---: | ---: | --- |"]
        lines += [
            f"| {_text(one.key)} | {one.share:.0%} | {one.low:.0%} to {one.high:.0%} | {how_sure(one)} |"
            for one in importances
        ]
        lines.append("")
    if findings.advice:
        lines += ["**Advice**", "", *(f"- {advice.text}" for advice in findings.advice), ""]
    return "\n".join(lines)


def as_lines(findings: Findings) -> list[str]:
    """Write findings as lines for a terminal."""
    lines = []
    for metric, importances in findings.importances.items():
        which = f"{metric}: " if len(findings.importances) > 1 else ""
        words = [
            f"{one.key} {one.share:.0%} ({one.low:.0%} to {one.high:.0%}{'' if one.sure else ', ' + CHANCE})"
            for one in importances
        ]
        if words:
            lines.append(f"mattered {which}{', '.join(words)}")
    return lines + [f"advice   {advice.text}" for advice in findings.advice]


def in_brief(findings: Findings) -> list[str]:
    """Write findings as few short lines: of each objective the first keys without their intervals, then the advice."""
    lines = []
    for metric, importances in findings.importances.items():
        which = f"{metric}: " if len(findings.importances) > 1 else ""
        short = shortened(one.key for one in importances)
        shares = {sure: [f"{short[one.key]} {one.share:.0%}" for one in importances[:FEW] if one.sure == sure]
                  for sure in (True, False)}  # fmt: skip
        sure, perhaps = ", ".join(shares[True]), ", ".join(shares[False])
        words = f"{sure}; {CHANCE}: {perhaps}" if sure and perhaps else sure or f"{perhaps}, all of which {CHANCE}"
        if importances:
            lines.append(f"mattered {which}{words}")
    return lines + [f"advice {advice.text}" for advice in findings.advice]


def how_sure(importance: Importance) -> str:
    """Return in words whether chance alone may have parted a key's values as much."""
    return "more than chance" if importance.sure else CHANCE


def _text(name: str) -> str:
    escaped = html.escape(printable(name), quote=False)
    return "".join(f"\\{letter}" if letter in "|*_`[]\\#" else letter for letter in escaped)

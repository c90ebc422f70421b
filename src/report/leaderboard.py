from collections.abc import Sequence

Row = tuple[int, Sequence[float], dict[str, str]]


def leaderboard(title: str, metrics: Sequence[str], rows: Sequence[Row], counts: dict[str, int], command: str) -> str:
    """Write a study's best trials as Markdown, the description of its parent run.

    Args:
        rows: Number, values (one a metric) and searched values of each trial, best first.
        counts: How many trials ended in each state.
    """
    names = list(dict.fromkeys(name for _, _, params in rows for name in params))
    lines = [f"### {title}", "", ", ".join(f"{count} {state}" for state, count in counts.items() if count), ""]
    if rows:
        lines.append("| trial | " + " | ".join([*metrics, *names]) + " |")
        lines.append("| ---: |" + " ---: |" * len(metrics) + " --- |" * len(names))
        for number, values, params in rows:
            cells = [f"{value:.5g}" for value in values] + [params.get(name, "") for name in names]
            lines.append(f"| {number} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "```", command, "```"])

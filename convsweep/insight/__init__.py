"""What does a study say when it is looked back on? What mattered and how sure that is, what to type next; its report as
a page; and its trials, curves and figures for Python.
"""

from convsweep.insight.findings import Findings, look_back
from convsweep.insight.words import as_lines, as_markdown, in_brief, what_mattered

__all__ = ["Findings", "as_lines", "as_markdown", "in_brief", "look_back", "what_mattered"]

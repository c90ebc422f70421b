"""How is a study told? Its figures and its report, one HTML file that needs nothing else; its trials as tables, and
from Python; the commands for both. Plotly and pandas are imported where they are needed, and need not be installed.
"""

from convsweep.report.commands import COMMANDS, report_command, status_command
from convsweep.report.comparison import ABSENT, Side, Verdict, differing, flat, side_of, verdicts
from convsweep.report.figures import figures
from convsweep.report.page import Exhibit, write_report
from convsweep.report.tables import as_csv, as_data, as_json, rows, studies_data
from convsweep.report.view import StudyView, open_study

__all__ = [
    "ABSENT",
    "COMMANDS",
    "Exhibit",
    "Side",
    "StudyView",
    "Verdict",
    "as_csv",
    "as_data",
    "as_json",
    "differing",
    "figures",
    "flat",
    "open_study",
    "report_command",
    "rows",
    "side_of",
    "status_command",
    "studies_data",
    "verdicts",
    "write_report",
]

"""Write a study's report, one HTML file that needs nothing else: `python -m src.report fashion_mnist`."""

from convsweep.report import report_command
from src import open_study
from src.process import program

URI = "as in tracking.uri, where the study's runs are not where they usually are"

if __name__ == "__main__":
    report_command(program("report"), opened=open_study, uri=URI)

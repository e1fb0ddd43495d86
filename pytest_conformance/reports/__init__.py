"""Views of a run: results.json, report.html, Allure, terminal, pictures. All can be made again from the journal."""

from pytest_conformance.reports.building import BuiltViews, build_views
from pytest_conformance.reports.reading import Record, read_record
from pytest_conformance.reports.results import ClauseResult, build_results, numbers_of, results_schema

__all__ = [
    "BuiltViews",
    "ClauseResult",
    "Record",
    "build_results",
    "build_views",
    "numbers_of",
    "read_record",
    "results_schema",
]

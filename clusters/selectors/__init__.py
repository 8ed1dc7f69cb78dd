"""The questions: what a person may see, how a run stands, what its log says."""

from clusters.selectors.access import cluster_for, clusters_for, run_for
from clusters.selectors.connections import ProbeView, probes_of
from clusters.selectors.log import LogLine, events_after, log_lines
from clusters.selectors.progress import Cell, Grid, Row, RunSummary, run_grid, run_summary

__all__ = [
    "Cell",
    "Grid",
    "LogLine",
    "ProbeView",
    "Row",
    "RunSummary",
    "cluster_for",
    "clusters_for",
    "events_after",
    "log_lines",
    "probes_of",
    "run_for",
    "run_grid",
    "run_summary",
]

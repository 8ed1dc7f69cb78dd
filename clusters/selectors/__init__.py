"""The questions: what a person may see, how a run stands, what its log says."""

from clusters.selectors.access import cluster_for, clusters_for, run_for
from clusters.selectors.connections import ProbeView, probes_of
from clusters.selectors.grid import Cell, Column, Grid, Phase, Row, run_grid
from clusters.selectors.log import LogLine, events_after, log_lines
from clusters.selectors.progress import RunSummary, run_summary

__all__ = [
    "Cell",
    "Column",
    "Grid",
    "LogLine",
    "Phase",
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

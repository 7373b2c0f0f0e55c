"""Figures in a file: the folder need not be there, and without a file nothing is written."""

import json
from pathlib import Path

from bench.figures import keep


def test_figures_are_kept_where_they_are_wanted(tmp_path: Path):
    keep({"p50_us": 1.5}, tmp_path / "results" / "a.json")
    assert json.loads((tmp_path / "results" / "a.json").read_text()) == {"p50_us": 1.5}


def test_figures_that_nobody_wants_are_written_nowhere(tmp_path: Path):
    keep({}, None)
    assert list(tmp_path.iterdir()) == []

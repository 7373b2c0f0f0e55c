"""What a bench has measured, kept in a file where one is named."""

import json
from pathlib import Path
from typing import Any


def keep(figures: Any, path: Path | None) -> None:
    """Write the figures as JSON, folders included; None: nobody wants them."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=1) + "\n")

"""``sonogauge models list|verify``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from models.runtime.manifest import default_weights_folder, load_manifest, model_id, verify


def run_list(weights: Path | None, as_json: bool) -> int:
    """Print what the manifest says; returns the exit code."""
    folder = weights or default_weights_folder()
    manifest = load_manifest(folder)
    records = [
        {
            "model": name,
            "task": entry.task,
            "precision": str(file.precision),
            "file": file.file,
            "megabytes": round(file.bytes / 1e6, 2),
            "model_id": model_id(name, entry, file),
            "licence": entry.licence,
            "training_data": list(entry.training_data),
            "card": entry.card,
        }
        for name, entry in sorted(manifest.models.items())
        for file in entry.files
    ]
    if as_json:
        sys.stdout.write(json.dumps(records, indent=2) + "\n")
        return 0
    table = Table("model", "precision", "MB", "id", "training data allow")
    for record in records:
        keys = ("model", "precision", "megabytes", "model_id", "licence")
        table.add_row(*(str(record[key]) for key in keys))
    Console().print(table)
    return 0


def run_verify(weights: Path | None, as_json: bool) -> int:
    """Hash every listed file; 0 when all are sound, else 1."""
    checks = verify(weights or default_weights_folder())
    if as_json:
        found = [{"model": c.model, "precision": c.precision, "file": c.file, "problem": c.problem} for c in checks]
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        for check in checks:
            sys.stdout.write(f"{'ok  ' if check.is_ok else 'BAD '} {check.file}  {check.problem}\n")
    return 0 if all(check.is_ok for check in checks) else 1

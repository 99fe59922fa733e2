"""The figures of ``sonogauge evaluate regional`` as text, beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping

PAPER_SPEARMAN = 0.69  # end to end against cardiologists' labels on HUNT4 (paper, abstract): another task and scale


def as_text(figures: Mapping[str, object]) -> str:
    """One line per figure; nested records one line per entry."""
    lines = [
        f"Spearman with known severity {figures['spearman_end_to_end']} (pseudo-labels); "
        f"the paper's {PAPER_SPEARMAN} is against cardiologists' labels and not comparable"
    ]
    for name, value in figures.items():
        if isinstance(value, Mapping):
            lines += [f"{name + ' ' + str(key):<44} {entry}" for key, entry in value.items()]
        else:
            lines.append(f"{name:<44} {value}")
    return "\n".join(lines)

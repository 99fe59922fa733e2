"""``evaluate regional`` as a whole with stand-in networks, and what it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_up_camus import write_camus
from made_up_evaluation import MeanGrey, made_up_scores, write_virtual
from make_mock_models import write_mock_models

from calibration.score_map import load_score_map
from capture.errors import DataError
from models.data.virtual_dataset import VirtualDataset
from models.data.virtual_generate import generate
from models.regional.evaluation import evaluate
from models.regional.evaluation.evaluate import (
    Candidates,
    EvaluationPlan,
    Findings,
    alax_figures,
    evaluate_regional,
    released_candidates,
)
from models.regional.evaluation.plots import box_numbers, box_panel, sheet, table
from models.regional.evaluation.report import NOT_COMPARABLE, as_text, paper_table, write_report
from models.runtime.contract import CAUSES
from models.runtime.methods import RegionalInput

ALWAYS = [
    "dice_lv",
    "dice_myo",
    "dice_la",
    "dice_alax",
    "dice_alax_recognised",
    "segmentation_ms",
    "spearman_end_to_end",
    "mae_virtual",
    "style_loss",
    "locality",
    "spearman_coherence",
    "spearman_gcnr",
    "view_accuracy",
    "other_rejected",
    "apical_rejected",
    "cause_top1",
    "coherence_ssim",
    "coherence_gain_change",
    "n",
]


def says_haze(given: RegionalInput) -> tuple[np.ndarray, np.ndarray]:
    strengths = np.eye(len(CAUSES))[CAUSES.index("haze")]
    return strengths, np.tile(strengths, (8, 1))


def coherence_figures(dataset: VirtualDataset) -> dict[str, object]:
    n = len(dataset)
    return {"coherence_ssim": 0.9, "coherence_gain_change": 0.01, "coherence_n": {"coherence_ssim": n}}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    root = tmp_path_factory.mktemp("evaluation")
    data, weights = write_camus(root / "data", train=0, val=2), write_mock_models(root / "weights", coherence=True)
    generate(root / "set", seed=4, samples=4, views={"ALAX": 1.0})
    plan = EvaluationPlan(data, weights, "cpu", limit=2, virtual=root / "set")
    with pytest.MonkeyPatch.context() as patch, released_candidates(plan) as released:
        # Two halves of scanners take more samples than a quick test can make.
        patch.setattr(evaluate, "measure_virtual", lambda dataset, methods: made_up_scores())
        methods = {"end_to_end": released.methods["end_to_end"], "coherence": MeanGrey(-1.0), "gcnr": MeanGrey()}
        candidates = Candidates(
            methods,
            released.segment,
            recognise=lambda image: np.array([0.7, 0.1, 0.1, 0.1]),
            causes=says_haze,
            coherence=coherence_figures,
        )
        return evaluate_regional(plan, candidates)


def test_every_figure_of_the_acceptance_is_there_and_counted(findings):
    figures = findings.figures
    assert [name for name in ALWAYS if name not in figures] == []
    counted = [name for name in ALWAYS if name not in ("segmentation_ms", "coherence_gain_change", "n")]
    assert [name for name in counted if figures["n"].get(name) is None] == []
    assert figures["n"]["spearman_end_to_end"] == 2 * 4 * 5
    assert figures["n"]["dice_alax"] >= 1
    assert (figures["view_accuracy"], figures["apical_rejected"]) == (1.0, 0.0)
    assert json.loads(json.dumps(figures, allow_nan=False))["n_frames"] == 2


def test_a_long_axis_frame_that_is_not_recognised_keeps_its_aorta_in_the_figure_with_the_view_given(tmp_path: Path):
    write_virtual(tmp_path, 1, {"ALAX": 1.0})

    def segment(image: np.ndarray, view: str | None = None) -> np.ndarray:
        return np.full_like(image, 4 if view == "ALAX" else 0)

    figures = alax_figures(VirtualDataset(tmp_path), Candidates({}, segment))
    by_structure = figures["dice_alax_by_structure"]
    assert isinstance(by_structure, dict)
    assert by_structure["AO"] > 0
    assert (figures["dice_alax_recognised"], figures["n_dice_alax"]) == (0, 1)


def test_constant_scores_have_no_correlation_and_opposite_metrics_opposite_ones(findings):
    figures = findings.figures
    assert figures["degraded"]["end_to_end"]["spearman"] is not None or figures["spearman_end_to_end"] is None
    assert figures["spearman_coherence"] == pytest.approx(-figures["spearman_gcnr"], abs=1e-3)
    assert figures["style_loss"] == figures["style_loss_by_method"]["gcnr"]
    assert figures["mae_virtual"] == figures["virtual"]["methods"]["end_to_end"]["mae"]
    assert {row["method"] for row in figures["method_order"]} == {"end_to_end", "coherence", "gcnr"}


def test_the_report_stands_beside_the_paper(findings):
    rows = {name: (ours, paper) for name, ours, paper in paper_table(findings.figures)}
    assert rows["spearman_gcnr"] == (str(findings.figures["spearman_gcnr"]), "0.24")
    assert rows["spearman_inter_observer"] == ("-", "0.63")
    text = as_text(findings.figures)
    assert NOT_COMPARABLE in text
    assert "cardiologists" in NOT_COMPARABLE
    assert any(line.startswith("virtual methods end_to_end mae") for line in text.splitlines())


def test_json_and_pictures_are_written(findings, tmp_path: Path):
    written = write_report(findings, tmp_path / "out")
    assert {path.name for path in written} == {
        "figures.json",
        "score_map.toml",
        "boxes_virtual.png",
        "boxes_degraded.png",
        "boxes_ejection_fraction.png",
        "table.png",
    }
    assert json.loads(written[0].read_text()) == json.loads(json.dumps(findings.figures))
    assert set(load_score_map(written[1]).methods) == {"gcnr"}
    for path in written[2:]:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert np.ptp(picture) > 100, "something is drawn"
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="choose another folder"):
        write_report(findings, tmp_path / "file")


def test_numbers_of_a_box():
    values = np.append(np.arange(1.0, 10), 100.0)
    low, first, median, third, high = box_numbers(values)
    assert (low, median, high) == (1, 5.5, 9)
    assert (first, third) == (3.25, 7.75)


def test_panels_with_few_or_no_values():
    nan = np.array([np.nan])
    empty = box_panel("m", {"1": nan, "2": np.array([3.0])}, "label")
    full = box_panel("m", {"1": np.arange(9.0), "2": np.arange(9.0) + 3}, "label")
    assert empty.shape == full.shape
    orange = (full == (40, 120, 220)).all(axis=2)
    assert orange.any()
    assert not (empty == (40, 120, 220)).all(axis=2).any(), "one value makes no box"
    left, right = np.nonzero(orange[:, :230])[0].mean(), np.nonzero(orange[:, 230:])[0].mean()
    assert right < left, "the higher group stands higher"
    assert sheet([full] * 4).shape == (2 * full.shape[0], 3 * full.shape[1], 3)
    assert table([("a", "b"), ("a longer text", "b")]).shape[1] > table([("a", "b")]).shape[1]
    with pytest.raises(ValueError, match="panel"):
        sheet([])
    with pytest.raises(ValueError, match="row"):
        table([])


def test_raters_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    from app.commands.train import run_raters

    path = tmp_path / "r.csv"
    path.write_text("item,rater,rating\n" + "".join(f"{i},{r},{i % 4 + 1}\n" for i in range(8) for r in "abc"))
    assert run_raters(path, ["c"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["inter_observer"]["mae"] == 0
    assert found["c"]["accuracy"] == 1


def test_a_missing_data_set_is_told(tmp_path: Path):
    never: Callable[..., Any] = np.zeros_like
    with pytest.raises(DataError, match="point --data at"):
        evaluate_regional(EvaluationPlan(tmp_path), Candidates({}, never))

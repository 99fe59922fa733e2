"""Sessions from checked bytes: contract, warm-up, providers, threads."""

import numpy as np
import pytest

from capture.errors import ModelError
from models.runtime.manifest import Precision, load_manifest
from models.runtime.precision import open_model
from models.runtime.providers import CPU_PROVIDER, Provider, cuda_problem, default_threads, session_options
from models.runtime.session import ModelSession, _BoundRunner, blank_input
from tests.support.make_mock_models import (
    SCORES,
    half_quality_bytes,
    heart_labels,
    write_mock_models,
    write_weights,
)


def opened(folder, name="regional_dense", precision=Precision.FLOAT32, **options):
    entry = load_manifest(folder).entry(name)
    return ModelSession(folder, name, entry, entry.file_of(precision), **{"provider": Provider.CPU, **options})


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_mock_models(tmp_path_factory.mktemp("weights"))


def test_a_session_is_warm_and_describes_itself(weights):
    session = opened(weights)
    assert session.provider == CPU_PROVIDER
    assert session.warm_ms > 0
    assert session.info.model_id.startswith("regional_dense@0.0.1-float32#")
    assert session.info.precision == "float32"


def test_outputs_come_in_the_order_and_shape_of_the_contract(weights):
    image = np.zeros((1, 1, 256, 256), np.float32)
    logits, maps, frame = opened(weights).run(image)
    assert (logits.shape, maps.shape, frame.shape) == ((1, 5, 256, 256), (1, 9, 64, 64), (1, 5))
    assert (logits[0].argmax(axis=0) == heart_labels()).all()
    scores, maps = opened(weights, "regional_quality").run(image)
    assert maps.shape == (1, 15, 32, 32)
    assert scores[0] == pytest.approx(SCORES)


def test_a_batch_runs_too(weights):
    outputs = opened(weights).run(np.zeros((3, 1, 256, 256), np.float32))
    assert [output.shape[0] for output in outputs] == [3, 3, 3]


def test_a_wrong_input_is_a_model_error_that_names_the_model(weights):
    with pytest.raises(ModelError, match="regional_dense@"):
        opened(weights).run(np.zeros((1, 1, 8, 8), np.float32))


def test_a_closed_session_does_not_run(weights):
    session = opened(weights)
    session.close()
    with pytest.raises(ModelError, match="closed"):
        session.run(np.zeros((1, 1, 256, 256), np.float32))


def test_session_options_do_not_spin_and_do_not_oversubscribe():
    options = session_options(2)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.intra_op_num_threads == 2
    assert options.inter_op_num_threads == 1
    assert 1 <= default_threads() <= 4


def test_the_bound_path_gives_what_the_plain_path_gives(weights):
    """The path of the GPU, run on the CPU's memory."""
    session = opened(weights, "regional_quality")
    bound = _BoundRunner(session._runner._session, "cpu")
    for size, level in ((1, 10), (1, 200), (2, 90)):  # the same binding again, then another batch size
        batch = np.full((size, 1, 256, 256), level, np.float32)
        assert np.array_equal(bound.run(batch, ["scores"])[0], session.run(batch)[0])


def test_a_float16_file_takes_and_gives_float32(tmp_path):
    folder = write_weights(tmp_path, {"regional_quality": {"float16": half_quality_bytes()}})
    session = opened(folder, "regional_quality", Precision.FLOAT16)
    batch = np.full((1, 1, 256, 256), 90, np.float32)
    scores, _ = session.run(batch)
    assert scores.dtype == np.float32
    assert scores == pytest.approx(np.full((1, 8), 90))
    bound = _BoundRunner(session._runner._session, "cpu")
    assert np.array_equal(bound.run(batch, ["scores"])[0], scores)


def test_blank_input_is_mid_range(weights):
    batch = blank_input(load_manifest(weights).entry("regional_dense").contract.input)
    assert batch.shape == (1, 1, 256, 256)
    assert batch.dtype == np.float32
    assert float(batch.mean()) == 127.5


def test_auto_takes_the_cpu_where_there_is_no_gpu_and_says_nothing(weights, capfd):
    if not cuda_problem():
        pytest.skip("this machine may have a GPU")
    assert opened(weights, provider=Provider.AUTO).provider == CPU_PROVIDER
    assert capfd.readouterr() == ("", "")


@pytest.mark.gpu
def test_cuda_runs_and_agrees_with_the_cpu(weights):
    problem = cuda_problem()
    if problem:
        pytest.skip(f"no CUDA here: {problem}")
    batch = np.full((1, 1, 256, 256), 90, np.float32)
    on_gpu, on_cpu = opened(weights, provider=Provider.CUDA), opened(weights)
    assert on_gpu.provider == "CUDAExecutionProvider"
    for _ in range(3):
        assert np.allclose(on_gpu.run(batch)[0], on_cpu.run(batch)[0], atol=1e-3)


@pytest.mark.gpu
def test_a_gpu_takes_the_float16_file(tmp_path):
    problem = cuda_problem()
    if problem:
        pytest.skip(f"no CUDA here: {problem}")
    folder = write_mock_models(tmp_path, precisions=("int8", "float32", "float16"))
    session = open_model(folder, "regional_dense", provider="cuda", cache_dir=tmp_path)
    assert (session.provider, session.precision) == ("CUDAExecutionProvider", Precision.FLOAT16)

"""A causal enhancer as ONNX, for programs without PyTorch; checked against it before it is written.

``stream.onnx`` is one hop (``step.py``): ``noisy`` (1, hop) and the state in, ``enhanced`` (1, hop)
and the state out, whose names begin with ``next_``; the state is zero at the beginning.
``enhancer.onnx`` is that over a whole recording, (1, time) to (1, time). Both say in their metadata
``sample_rate`` (Hz), ``hop_samples`` and ``delay_samples``, by which the stream's output is late.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sslse.enhancers.base import Enhancer
from sslse.enhancers.step import FRAMES, Step, open_step
from sslse.errors import DataError
from sslse.runtime.atomic import atomic_open

WHOLE_NAME, STREAM_NAME = "enhancer.onnx", "stream.onnx"
OPSET = 17
TOLERANCE = 1e-4  # largest difference to PyTorch, as a share of the largest sample


def export_onnx(enhancer: Enhancer, folder: str | os.PathLike) -> float:
    """Write ``enhancer.onnx`` and ``stream.onnx``.

    Args:
        enhancer: causal, in evaluation mode, on the CPU.
        folder: where to.

    Returns:
        The largest difference of either to PyTorch, as a share of the largest sample.

    Raises:
        ConfigError: the enhancer looks at the whole utterance, or its kind cannot be exported.
        DataError: what was exported differs from the enhancer by more than ``TOLERANCE``; nothing
            is written.
    """
    step = open_step(enhancer)
    stream = _trace(step)
    models = {STREAM_NAME: stream, WHOLE_NAME: _over_time(stream, step)}
    facts = {
        "sample_rate": enhancer.sample_rate,
        "hop_samples": step.hop,
        "delay_samples": step.delay,
    }
    for model in models.values():
        for name, value in facts.items():
            model.metadata_props.add(key=name, value=str(value))
    contents = {name: model.SerializeToString() for name, model in models.items()}
    difference = _difference(enhancer, step, contents)
    if not difference <= TOLERANCE:
        raise DataError(
            f"the exported enhancer differs from the trained one by {difference:.1e} of the "
            f"largest sample, and {TOLERANCE:.0e} is allowed; nothing was written to {folder}"
        )
    for name, content in contents.items():
        with atomic_open(Path(folder) / name, "wb") as file:
            file.write(content)
    return difference


def _trace(step: Step) -> Any:
    """Return a step as an ONNX model."""
    import onnx

    names = list(step.state)
    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # By tracing: the newer exporter needs another package and minutes, and has no advantage
        # for a network of fixed shapes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            step,
            (torch.zeros(1, step.hop), *step.state.values()),
            file,
            input_names=["noisy", *names],
            output_names=["enhanced", *(f"next_{name}" for name in names)],
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(file.getvalue())


def _over_time(stream: Any, step: Step) -> Any:
    """Return the model that runs ``stream`` over a recording: a Scan whose body it is."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    body = onnx.GraphProto()
    body.CopyFrom(stream.graph)
    for values in (body.input, body.output):  # a Scan wants the state first
        order = [*values[1:], values[0]]
        kept = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in order]
        del values[:]
        values.extend(kept)
    constants = {
        **{f"whole_{name}": value.cpu().numpy() for name, value in step.state.items()},
        "one": np.array([1]),
        "zero": np.array([0]),
        "hop": np.array([step.hop]),
        "round_up": np.array([step.hop - 1]),
        "least": np.array([step.least]),
        "more": np.array([-(-step.delay // step.hop)]),  # hops of zeros behind the recording
        "delay": np.array([step.delay]),
        "blocks": np.array([-1, 1, step.hop]),
        "row": np.array([1, -1]),
    }
    start = {name: f"whole_{name}" for name in step.state}
    node = helper.make_node
    nodes = [
        node("Shape", ["noisy"], ["samples"], start=1, end=2),
        # P hops hold the recording, or ``least``; ``more`` follow, until all has come out.
        node("Max", ["samples", "least"], ["filled"]),
        node("Add", ["filled", "round_up"], ["rounded"]),
        node("Div", ["rounded", "hop"], ["hops"]),
        node("Add", ["hops", "more"], ["steps"]),
        node("Mul", ["steps", "hop"], ["length"]),
        node("Sub", ["length", "samples"], ["missing"]),
        node("Concat", ["zero", "zero", "zero", "missing"], ["padding"], axis=0),
        node("Pad", ["noisy", "padding"], ["padded"]),
        node("Reshape", ["padded", "blocks"], ["hops_in"]),
    ]
    if FRAMES in step.state:  # frames end with hop P
        start[FRAMES] = "ending"
        del constants[f"whole_{FRAMES}"]
        constants["none"] = np.zeros(1, np.float32)
        constants["first"] = np.array([step.first + 1])
        nodes += [
            node("Add", ["hops", "first"], ["stop"]),
            node("Cast", ["stop"], ["stop_value"], to=TensorProto.FLOAT),
            node("Concat", ["none", "stop_value"], ["ending"], axis=0),
        ]
    nodes += [
        node(
            "Scan",
            [*start.values(), "hops_in"],
            [*(f"last_{name}" for name in start), "hops_out"],
            body=body,
            num_scan_inputs=1,
        ),
        node("Reshape", ["hops_out", "row"], ["late"]),
        node("Add", ["samples", "delay"], ["end"]),
        node("Slice", ["late", "delay", "end", "one"], ["enhanced"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "enhancer",
        [value("noisy", TensorProto.FLOAT, [1, "time"])],
        [value("enhanced", TensorProto.FLOAT, [1, "time"])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=stream.opset_import, ir_version=stream.ir_version
    )
    onnx.checker.check_model(model)
    return model


def _difference(enhancer: Enhancer, step: Step, contents: dict[str, bytes]) -> float:
    """Return the largest difference of both models to PyTorch on noise of changing level."""
    hops = -(-enhancer.sample_rate // step.hop)  # about a second
    generator = torch.Generator().manual_seed(0)
    noisy = 0.1 * torch.randn(1, hops * step.hop, generator=generator)
    noisy *= torch.linspace(0, 1, noisy.shape[1])
    difference, session = 0.0, open_session(contents[WHOLE_NAME])
    for samples in (noisy.shape[1], noisy.shape[1] // 2 + 1, 1):
        with torch.inference_mode():
            wanted = enhancer(noisy[:, :samples]).numpy()
        (found,) = session.run(None, {"noisy": noisy[:, :samples].numpy()})
        difference = max(difference, _share(found, wanted))
    with torch.inference_mode():
        wanted = enhancer(noisy).numpy()
    found = run_stream(open_session(contents[STREAM_NAME]), noisy.numpy())[:, step.delay :]
    known = noisy.shape[1] - enhancer.latency_samples  # what later samples cannot change
    return max(difference, _share(found[:, :known], wanted[:, :known]))


def open_session(model: bytes) -> Any:
    """Return a session of onnxruntime with one thread, which is fastest for one hop."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])


def run_stream(session: Any, noisy: np.ndarray) -> np.ndarray:
    """Run ``stream.onnx`` over whole hops, (1, hops · hop) -> the same, late by its delay."""
    kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64}
    block, *state = session.get_inputs()
    values = [np.zeros(entry.shape, kinds[entry.type]) for entry in state]
    parts = []
    for start in range(0, noisy.shape[1], block.shape[1]):
        hop = noisy[:, start : start + block.shape[1]]
        given = dict(zip((entry.name for entry in state), values, strict=True))
        part, *values = session.run(None, {block.name: hop, **given})
        parts.append(part)
    return np.concatenate(parts, 1)


def _share(found: np.ndarray, wanted: np.ndarray) -> float:
    peak = float(np.abs(wanted).max())
    return float(np.abs(found - wanted).max()) / max(peak, 1e-8)

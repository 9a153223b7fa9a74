"""A Llama model written as plain ONNX operators, and read back.

Our own writer rather than an exporter: the graph stays small and readable, the same weights give the same bytes, and each
initializer keeps the parameter's name and layout in transformers, so that the .onnx alone is enough to rebuild the model.

model.onnx         for scoring. Inputs `input_ids` and `attention_mask` (int64 [batch, sequence]), output `logits`
                   (float32 [batch, sequence, vocabulary]). Token positions are counted from the left edge of the row.
model_cached.onnx  for generating. Also takes `past_key_values.<layer>.key` and `.value` (float32 [batch, heads, past, head
                   width]) and returns `present.<layer>.key` and `.value`; `attention_mask` covers past and present tokens.
                   It holds no weights of its own: they are read from model.onnx, as external data at a byte offset.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def write_onnx(config: dict, weights: dict[str, np.ndarray], folder: Path) -> None:
    """Writes both files; `weights` are the transformers parameters by name, without the tied `lm_head.weight`."""
    folder.mkdir(parents=True, exist_ok=True)
    plain, cached = folder / "model.onnx", folder / "model_cached.onnx"
    plain.write_bytes(build(config, weights, cached=False).SerializeToString(deterministic=True))
    onnx.checker.check_model(str(plain), full_check=True)

    model = build(config, weights, cached=True)
    stored = plain.read_bytes()
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            offset, length = stored.index(tensor.raw_data), len(tensor.raw_data)
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", plain.name), ("offset", str(offset)), ("length", str(length))):
                tensor.external_data.add(key=key, value=value)
    cached.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(cached), full_check=True)


def build(config: dict, weights: dict[str, np.ndarray], *, cached: bool) -> onnx.ModelProto:
    heads = config["num_attention_heads"]
    width = config["hidden_size"]
    head_width = width // heads
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, np.ndarray] = {
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "two": np.array(2, np.int64),
        "row_axis": np.array([0], np.int64),
        "column_axis": np.array([-1], np.int64),
        "split_heads": np.array([0, 0, heads, head_width], np.int64),
        "merge_heads": np.array([0, 0, width], np.int64),
        "mask_axes": np.array([1, 2], np.int64),
        "rms_epsilon": np.array(config["rms_norm_eps"], np.float32),
        "scale": np.array(head_width**-0.5, np.float32),
        "allowed_bias": np.array(0.0, np.float32),
        "masked_bias": np.array(-1e9, np.float32),
        # As transformers computes them: an entry that is off by one rounding step shows after two thousand tokens.
        "inverse_frequencies": (
            1.0 / config["rope_parameters"]["rope_theta"] ** (torch.arange(0, head_width, 2).float() / head_width)
        ).numpy(),
    }

    def node(op: str, inputs: list[str], output: str | list[str], **attributes: object) -> str:
        outputs = [output] if isinstance(output, str) else output
        nodes.append(helper.make_node(op, inputs, outputs, name=f"{op}:{outputs[0]}", **attributes))
        return outputs[0]

    def linear(source: str, weight: str, output: str) -> str:
        return node("MatMul", [source, node("Transpose", [weight], f"{weight}.T", perm=[1, 0])], output)

    def norm(source: str, weight: str, output: str) -> str:
        square = node("Mul", [source, source], f"{output}.square")
        mean = node("ReduceMean", [square], f"{output}.mean", axes=[-1], keepdims=1)
        root = node("Sqrt", [node("Add", [mean, "rms_epsilon"], f"{output}.stable")], f"{output}.root")
        return node("Mul", [node("Div", [source, root], f"{output}.unit"), weight], output)

    # Positions, rotary angles and the mask are shared by all layers.
    length = node("Gather", [node("Shape", ["attention_mask"], "shape"), "one"], "length")
    past = node("Gather", [node("Shape", ["past_key_values.0.key"], "past_shape"), "two"], "past") if cached else "zero"
    column = node("Unsqueeze", [node("Range", [past, length, "one"], "query_positions"), "column_axis"], "query_column")
    row = node("Unsqueeze", [node("Range", ["zero", length, "one"], "key_positions"), "row_axis"], "key_row")
    angles = node("Mul", [node("Cast", [column], "query_column.float", to=TensorProto.FLOAT), "inverse_frequencies"], "half_angles")
    angles = node("Concat", [angles, angles], "angles", axis=-1)
    cosine, sine = node("Cos", [angles], "cosine"), node("Sin", [angles], "sine")
    causal = node("LessOrEqual", [row, column], "causal")
    real = node("Unsqueeze", [node("Cast", ["attention_mask"], "is_token", to=TensorProto.BOOL), "mask_axes"], "is_token.key")
    allowed = node("And", [causal, real], "allowed")
    bias = node("Where", [allowed, "allowed_bias", "masked_bias"], "attention_bias")

    def rotate(source: str, output: str) -> str:
        first, second = f"{output}.first", f"{output}.second"
        node("Split", [source], [first, second], axis=-1)
        turned = node("Concat", [node("Neg", [second], f"{output}.negative"), first], f"{output}.turned", axis=-1)
        kept = node("Mul", [source, cosine], f"{output}.cosine")
        return node("Add", [kept, node("Mul", [turned, sine], f"{output}.sine")], output)

    hidden = node("Gather", ["model.embed_tokens.weight", "input_ids"], "embedded", axis=0)
    for index in range(config["num_hidden_layers"]):
        layer = f"model.layers.{index}"
        normed = norm(hidden, f"{layer}.input_layernorm.weight", f"{layer}.attention_input")
        parts = {}
        for part in ("q", "k", "v"):
            flat = linear(normed, f"{layer}.self_attn.{part}_proj.weight", f"{layer}.{part}.flat")
            split = node("Reshape", [flat, "split_heads"], f"{layer}.{part}.split")
            parts[part] = node("Transpose", [split], f"{layer}.{part}", perm=[0, 2, 1, 3])
        queries, keys, values = rotate(parts["q"], f"{layer}.q.rotated"), rotate(parts["k"], f"{layer}.k.rotated"), parts["v"]
        if cached:
            keys = node("Concat", [f"past_key_values.{index}.key", keys], f"present.{index}.key", axis=2)
            values = node("Concat", [f"past_key_values.{index}.value", values], f"present.{index}.value", axis=2)
        products = node("MatMul", [queries, node("Transpose", [keys], f"{layer}.keys.T", perm=[0, 1, 3, 2])], f"{layer}.products")
        biased = node("Add", [node("Mul", [products, "scale"], f"{layer}.scaled"), bias], f"{layer}.biased")
        attention = node("Softmax", [biased], f"{layer}.attention", axis=-1)
        mixed = node("Transpose", [node("MatMul", [attention, values], f"{layer}.mixed")], f"{layer}.mixed.T", perm=[0, 2, 1, 3])
        merged = node("Reshape", [mixed, "merge_heads"], f"{layer}.merged")
        hidden = node("Add", [hidden, linear(merged, f"{layer}.self_attn.o_proj.weight", f"{layer}.attended")], f"{layer}.middle")
        normed = norm(hidden, f"{layer}.post_attention_layernorm.weight", f"{layer}.mlp_input")
        gate = linear(normed, f"{layer}.mlp.gate_proj.weight", f"{layer}.gate")
        swish = node("Mul", [gate, node("Sigmoid", [gate], f"{layer}.gate.sigmoid")], f"{layer}.swish")
        gated = node("Mul", [swish, linear(normed, f"{layer}.mlp.up_proj.weight", f"{layer}.up")], f"{layer}.gated")
        hidden = node("Add", [hidden, linear(gated, f"{layer}.mlp.down_proj.weight", f"{layer}.down")], f"{layer}.output")
    final = norm(hidden, "model.norm.weight", "final")
    linear(final, "model.embed_tokens.weight", "logits")

    def tensor(kind: int, name: str, *axes: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, axes)

    inputs = [
        tensor(TensorProto.INT64, "input_ids", "batch_size", "sequence_length"),
        tensor(TensorProto.INT64, "attention_mask", "batch_size", "total_length" if cached else "sequence_length"),
    ]
    outputs = [tensor(TensorProto.FLOAT, "logits", "batch_size", "sequence_length", config["vocab_size"])]
    if cached:
        for index in range(config["num_hidden_layers"]):
            for part in ("key", "value"):
                axes = ("batch_size", heads, "past_length", head_width)
                inputs.append(tensor(TensorProto.FLOAT, f"past_key_values.{index}.{part}", *axes))
                axes = ("batch_size", heads, "total_length", head_width)
                outputs.append(tensor(TensorProto.FLOAT, f"present.{index}.{part}", *axes))
    else:
        del constants["two"]
    initializers = [
        numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in {**constants, **weights}.items()
    ]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="prefkit toy pair")
    model.ir_version = 9
    return model


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The transformers parameters inside an .onnx that `write_onnx` wrote."""
    model = onnx.load(path)
    return {item.name: numpy_helper.to_array(item) for item in model.graph.initializer if item.name.startswith("model.")}

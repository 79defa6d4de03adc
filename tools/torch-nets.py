#!/usr/bin/env python3
"""Random nets of PyTorch's as ONNX files, with what PyTorch computes, for tools/check-torch-nets.mjs.

    pip install torch==2.13.0 onnx onnxscript safetensors pillow && pip install --no-deps torchvision==0.28.0
    python3 tools/torch-nets.py FOLDER [NAME...]

Each net is written by the exporter that traces (`NAME-script.onnx`) and by the one of Dynamo
(`NAME-dynamo.onnx`), in float64 and without folding, so that parameters keep their names. Beside them
lies `NAME.safetensors`: input, labels, logits, gradients of the cross-entropy, parameters after a step
of Adam. AlexNet and VGG have narrow classifiers here, so that the files stay small, and no adaptive
pooling, which the tracing exporter refuses at these sizes.
"""
import sys
import types
import warnings
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

sys.modules["torchvision._meta_registrations"] = types.ModuleType("stub")  # wants compiled operators
import torchvision.models as tv  # noqa: E402

warnings.filterwarnings("ignore")
torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
torch.backends.mha.set_fastpath_enabled(False)


class Sequence(nn.Module):
    """A net over sequences, and a dense layer on its last step."""

    def __init__(self, inner, outputs):
        super().__init__()
        self.inner = inner
        self.head = nn.Linear(outputs, 3)

    def forward(self, x):
        y = self.inner(x)
        return self.head((y[0] if isinstance(y, tuple) else y)[:, -1])


def narrow(model, inputs):
    model.avgpool = nn.Identity()
    model.classifier = nn.Sequential(nn.Dropout(0.5), nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, 3))
    return model


nets = {
    "alexnet": (lambda: narrow(tv.alexnet(), 256), (2, 3, 80, 72)),
    "vgg11": (lambda: narrow(tv.vgg11(), 512), (2, 3, 32, 32)),
    "resnet18": (lambda: tv.resnet18(num_classes=3), (2, 3, 40, 32)),
    "squeezenet": (lambda: tv.squeezenet1_1(num_classes=3), (2, 3, 37, 41)),
    "mobilenet": (lambda: tv.mobilenet_v2(num_classes=3), (2, 3, 40, 32)),
    "transformer": (
        lambda: Sequence(nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True), 2), 8),
        (3, 5, 8),
    ),
    "lstm": (lambda: Sequence(nn.LSTM(4, 6, 2, batch_first=True, bidirectional=True), 12), (3, 5, 4)),
    "gru": (lambda: Sequence(nn.GRU(4, 6, batch_first=True), 6), (3, 5, 4)),
}


def export(model, x, path, dynamo):
    # weights beside the net are the exporters' business, so each net has a folder of its own
    path.parent.mkdir(exist_ok=True)
    common = {"input_names": ["x"], "output_names": ["y"], "export_params": True}
    if dynamo:
        torch.onnx.export(model, (x,), path, dynamo=True, optimize=False, external_data=False, verbose=False, **common)
    else:
        torch.onnx.export(
            model, (x,), path, dynamo=False, do_constant_folding=False, opset_version=17,
            training=torch.onnx.TrainingMode.PRESERVE, dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}}, **common)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for name in sys.argv[2:] or nets:
        build, shape = nets[name]
        model = build().eval()
        with torch.no_grad():
            for _, value in model.named_parameters():  # the tracing exporter merges what is equal
                value.add_(0.1 * torch.randn_like(value) if value.dim() == 1 else 1e-3 * torch.randn_like(value))
            for key, value in model.named_buffers():
                if key.endswith(("running_mean", "running_var")):
                    value.copy_(torch.rand_like(value) + ("var" in key))
        x = torch.randn(shape)
        labels = torch.arange(shape[0]) % 3
        for kind, dynamo in (("script", False), ("dynamo", True)):
            try:
                export(model, x, folder / f"{name}-{kind}.onnx", dynamo)
            except Exception as thrown:  # some pairs of versions cannot
                print(f"{name}-{kind}: not exported: {type(thrown).__name__}: {str(thrown)[:200]}", flush=True)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-3)
        logits = model(x)
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        found = {"x": x, "labels": labels, "logits": logits, "loss": loss}
        for key, p in model.named_parameters():
            found[f"grad/{key}"] = p.grad.clone()
        optimizer.step()
        for key, p in model.named_parameters():
            found[f"after/{key}"] = p
        save_file({k: v.detach().contiguous() for k, v in found.items()}, folder / f"{name}.safetensors")
        print(name, flush=True)


main()

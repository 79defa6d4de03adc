"""PyTorch, in every variant that may be the fastest: eager or traced, channels last or not, with the
optimiser that updates all parameters in one call or one by one."""

import itertools

import torch
import torch.nn.functional as F

from blas import blas_name
from protocol import serve


class Lstm(torch.nn.Module):
    """torch.nn.LSTM with the last hidden state as its output; its second bias stays 0."""

    def __init__(self, layer, values):
        super().__init__()
        self.lstm = torch.nn.LSTM(layer["in"], layer["hidden"], batch_first=True)
        with torch.no_grad():
            self.lstm.weight_ih_l0.copy_(values["weightIh"])
            self.lstm.weight_hh_l0.copy_(values["weightHh"])
            self.lstm.bias_ih_l0.copy_(values["bias"])
            self.lstm.bias_hh_l0.zero_()
        self.lstm.bias_hh_l0.requires_grad_(False)

    def forward(self, x):
        y, _ = self.lstm(x)
        return y[:, -1]


class LstmCells(torch.nn.Module):
    """The same, step by step: what tracing can fuse."""

    def __init__(self, layer, values):
        super().__init__()
        self.weight_ih = torch.nn.Parameter(values["weightIh"].clone())
        self.weight_hh = torch.nn.Parameter(values["weightHh"].clone())
        self.bias = torch.nn.Parameter(values["bias"].clone())
        self.hidden = layer["hidden"]

    def forward(self, x):
        h = torch.zeros(x.shape[0], self.hidden)
        c = h
        inputs = F.linear(x, self.weight_ih, self.bias).unbind(1)
        weight = self.weight_hh.t()
        for z in inputs:
            i, f, g, o = torch.addmm(z, h, weight).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h


def module_of(layer, values, lstm):
    kind = layer["type"]
    simple = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "flatten": torch.nn.Flatten}
    if kind in simple:
        return simple[kind]()
    if kind == "maxPool":
        return torch.nn.MaxPool2d(layer["size"], layer["stride"])
    if kind == "lstm":
        return lstm(layer, values)
    if kind == "linear":
        module = torch.nn.Linear(layer["in"], layer["out"])
    elif kind == "conv":
        stride, padding = layer.get("stride", 1), layer.get("padding", 0)
        module = torch.nn.Conv2d(layer["in"], layer["out"], layer["kernel"], stride, padding)
    else:
        module = torch.nn.ConvTranspose2d(
            layer["in"],
            layer["out"],
            layer["kernel"],
            layer["stride"],
            layer["padding"],
            layer["outputPadding"],
        )
    with torch.no_grad():
        module.weight.copy_(values["weight"])
        module.bias.copy_(values["bias"])
    return module


def model_of(task, tensors, lstm=Lstm):
    layers = []
    for i, layer in enumerate(task["network"]):
        prefix = f"layers.{i}."
        values = {k[len(prefix) :]: t for k, t in tensors.items() if k.startswith(prefix)}
        layers.append(module_of(layer, values, lstm))
    return torch.nn.Sequential(*layers)


def optimizer_of(update, parameters, foreach):
    lr = update["lr"]
    if update["name"] == "adam":
        return torch.optim.Adam(parameters, lr=lr, foreach=foreach)
    rho = 0.9 if update["name"] == "momentum" else 0
    return torch.optim.SGD(parameters, lr=lr, momentum=rho, foreach=foreach)


LOSSES = {
    "crossEntropy": F.cross_entropy,
    "bce": F.binary_cross_entropy_with_logits,
    "mse": F.mse_loss,
}


def batch_of(task, tensors):
    x = tensors["x"]
    if "y" not in tensors:
        return x, x
    y = tensors["y"]
    return x, y.long() if task["loss"] == "crossEntropy" else y


def training(task, tensors, traced, foreach, channels_last, lstm):
    model = model_of(task, tensors, lstm)
    x, y = batch_of(task, tensors)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
        y = x if task["loss"] == "mse" else y
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = optimizer_of(task["update"], parameters, foreach)
    loss = LOSSES[task["loss"]]
    forward = torch.jit.trace(model, x, check_trace=False) if traced else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss(forward(x), y)
        value.backward()
        optimizer.step()
        return value

    return {"step": step, "read": lambda value: value.item()}


def squares(tensors):
    return sum(float((t * t).sum()) for t in tensors)


def gradient(task, tensors):
    model = model_of(task, tensors)
    x, y = batch_of(task, tensors)
    parameters = list(model.parameters())
    loss = LOSSES[task["loss"]]
    step = lambda: torch.autograd.grad(loss(model(x), y), parameters)
    return {"name": "eager", "step": step, "read": squares}


def hvp(task, tensors):
    """Reverse over reverse: ∇(∇L · v)."""
    model = model_of(task, tensors)
    x, y = batch_of(task, tensors)
    names = [name for name, _ in model.named_parameters()]
    parameters = list(model.parameters())
    vectors = [tensors[f"v.layers.{name}"] for name in names]
    loss = LOSSES[task["loss"]]

    def step():
        grads = torch.autograd.grad(loss(model(x), y), parameters, create_graph=True)
        return torch.autograd.grad(grads, parameters, vectors)

    return {"name": "eager, reverse over reverse", "step": step, "read": squares}


def inference(task, tensors, frozen, channels_last):
    model = model_of(task, tensors).eval()
    x = tensors["x"]
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    with torch.no_grad():
        if frozen != "eager":
            model = torch.jit.trace(model, x)
        if frozen == "frozen":
            model = torch.jit.freeze(model)
        if frozen == "optimised":
            model = torch.jit.optimize_for_inference(model)

    def step():
        with torch.inference_mode():
            return model(x)

    return {"step": step, "read": lambda y: float(y.sum())}


def named(name, make):
    def maker():
        return {"name": name, **make()}

    return maker


def makers_of(task, tensors):
    kinds = {layer["type"] for layer in task.get("network", [])}
    layouts = [False, True] if kinds & {"conv", "convTranspose"} else [False]
    layout = lambda last: ", channels last" if last else ""
    if task["kind"] == "gradient":
        return [lambda: gradient(task, tensors)]
    if task["kind"] == "hvp":
        return [lambda: hvp(task, tensors)]
    if task["kind"] == "infer":
        return [
            named(
                how + layout(last),
                lambda how=how, last=last: inference(task, tensors, how, last),
            )
            for how, last in itertools.product(["eager", "traced", "frozen", "optimised"], layouts)
        ]
    recurrent = [Lstm, LstmCells] if "lstm" in kinds else [Lstm]
    return [
        named(
            ("traced" if traced else "eager")
            + (", foreach" if foreach else "")
            + layout(last)
            + (f", {lstm.__name__}" if "lstm" in kinds else ""),
            lambda a=(traced, foreach, last, lstm): training(task, tensors, *a),
        )
        for traced, foreach, last, lstm in itertools.product(
            [False, True], [False, True], layouts, recurrent
        )
    ]


def prepare(task, arrays, threads):
    torch.set_num_threads(threads)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    versions = {"torch": torch.__version__, "blas": blas_name()}
    return versions, makers_of(task, tensors)


if __name__ == "__main__":
    serve(prepare)

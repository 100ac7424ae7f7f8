"""An encoder as a CPU computes it fastest: weights packed once, ReLU within the product, in place where it can be.

The weights of a trained encoder stay as they are, so oneDNN can have them in the order in which it reads them: a
product with its bias and ReLU is then up to 1.2 times as fast as torch.matmul alone. A convolution over time is a
product, too, of the input frames of each output frame beside each other:

    y_t = W [x_(t−d); x_t; x_(t+d)] + b

oneDNN takes 0.5 ms to prepare for each new number of frames; torch.matmul does not, and has the small products.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.models.layers import TDNN, BatchNorm, Convolution, reflected

SMALL = 1 << 16
"""Weights of a product below which packing does not pay."""

_FORMS: dict[type[nn.Module], type[nn.Module]] = {}


def form_of(plain: type[nn.Module]) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Declares what a class becomes by :func:`prepare_for_inference`: a subclass with a method ``pack()``."""

    def declare(form: type[nn.Module]) -> type[nn.Module]:
        _FORMS[plain] = form
        return form

    return declare


def prepare_for_inference(network: nn.Module) -> nn.Module:
    """The network, in evaluation mode, with packed layers: for :func:`torch.inference_mode`, in fp32, on a CPU.

    Results differ by the rounding of fp32. All else, such as autocast, gets the layers' plain forms, and on another
    device the network itself is returned. The weights are shared and their packed forms are copies: a network that
    is trained further is prepared again.

    What a class of modules becomes is declared by :func:`form_of`.
    """
    weight = next(network.parameters(), None)
    packs = torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability().startswith("AVX")
    return _prepared(network) if packs and weight is not None and weight.device.type == "cpu" else network


def _prepared(module: nn.Module) -> nn.Module:
    children = {name: child and _prepared(child) for name, child in module._modules.items()}
    kind = _FORMS.get(type(module))
    if kind is None and all(child is module._modules[name] for name, child in children.items()):
        return module
    prepared = object.__new__(kind or type(module))
    prepared.__dict__.update(module.__dict__ | {"_modules": children})
    if kind is not None:
        prepared.pack()
    return prepared


def is_packable(values: Tensor) -> bool:
    """Whether packed layers may take these values now."""
    return (
        values.dtype == torch.float32
        and values.device.type == "cpu"
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
    )


def scale_and_shift(norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """``x · scale + shift``, ``(C,)`` each: what a BatchNorm is outside training."""
    scale = (norm.running_var + norm.eps).rsqrt() * (norm.weight if norm.affine else 1)
    shift = (norm.bias if norm.affine else 0) - norm.running_mean * scale
    return scale.detach(), shift.detach()


class Product:
    """``rows (..., I) -> (..., O)`` by a weight ``(O, I)`` and a bias ``(O,)``, packed where they are large."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.weight, self.bias = weight.detach().contiguous(), bias if bias is None else bias.detach()
        self.packed = weight.numel() >= SMALL and weight.dtype == torch.float32
        if self.packed:
            self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight)

    def __call__(self, rows: Tensor, relu: bool = False) -> Tensor:
        if self.packed:
            then = "relu" if relu else "none"
            return torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, then, [], "")
        out = F.linear(rows, self.weight, self.bias)
        return out.relu_() if relu else out


@form_of(nn.Linear)
class PackedLinear(nn.Linear):
    """A linear layer."""

    def pack(self) -> None:
        self.product = Product(self.weight, self.bias)

    def forward(self, values: Tensor) -> Tensor:
        return self.product(values) if is_packable(values) else super().forward(values)


@form_of(Convolution)
class PackedConvolution(Convolution):
    """A convolution over time, but for one in groups."""

    def pack(self) -> None:
        weight = self.weight[:, :, 0].transpose(1, 2).flatten(1)  # (O, kernel · I)
        self.product = Product(weight, self.bias) if self.groups == 1 else None

    def forward(self, frames: Tensor, mask: Tensor | None = None, relu: bool = False) -> Tensor:
        if self.product is None or not is_packable(frames):
            out = super().forward(frames, mask)
            return F.relu(out) if relu else out
        return self.product(self._contexts(frames, mask), relu)

    def _contexts(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """The input frames of each output frame beside each other: ``(B, T, I)`` -> ``(B, T', kernel · I)``."""
        if self.context == 0:
            return frames
        if self.reflect:
            frames = reflected(frames, mask, self.context // 2)
        if around := self.padding[1]:
            frames = F.pad(frames, (0, 0, around, around))
        frames = frames.contiguous()
        batch, length, inputs = frames.shape
        kernel, dilation = self.kernel_size[1], self.dilation[1]
        stride = self.stride[1]
        size = (batch, (length - self.context - 1) // stride + 1, kernel, inputs)
        return frames.as_strided(size, (length * inputs, stride * inputs, dilation * inputs, 1)).flatten(2)


@form_of(TDNN)
class PackedTDNN(TDNN):
    """Convolution with its ReLU, and BatchNorm as one multiplication and addition, in place."""

    def pack(self) -> None:
        self.scale, self.shift = scale_and_shift(self.norm)

    def forward(self, frames: Tensor, mask: Tensor | None = None, out: Tensor | None = None) -> Tensor:
        """``out``: where to write the result, if :func:`is_packable`."""
        if self.training or self.slope or not is_packable(frames):
            return super().forward(frames, mask)
        found = self.convolution(frames, mask, relu=True)
        out = torch.addcmul(self.shift, found, self.scale, out=found if out is None else out)
        return out if mask is None else out.masked_fill_(~mask[:, :, None], 0.0)

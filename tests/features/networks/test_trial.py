"""Networks that are functions of their image, and those that are not: which are refused, and where it begins."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from algocli.dataset.challenge.subjects import Subject
from algocli.errors import UsageError
from algocli.features.audit import NotRecomputed, recompute
from algocli.features.extraction import extract
from algocli.features.networks import trial
from algocli.features.networks.backbones import Backbone, load_backbone
from algocli.features.networks.numerics import Numerics
from algocli.features.networks.trial import try_network
from algocli.features.passage import Passage
from algocli.features.rebuilding import rebuild
from tests.features.by_hand import list_stores

Step = Callable[[Any], Any]


class Between(nn.Module):
    """A convolution, a step of a test's, and another convolution."""

    def __init__(self, step: Step | nn.Module) -> None:
        super().__init__()
        self.first, self.step = nn.Conv2d(3, 4, 8, 8), step if isinstance(step, nn.Module) else Applied(step)
        self.last = nn.Conv2d(4, 3, 1)

    def forward(self, images: Any) -> Any:
        """Apply all three."""
        return self.last(self.step(self.first(images)))


class Applied(nn.Module):
    """A function as a module."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.run = step

    def forward(self, x: Any) -> Any:
        """Apply it."""
        return self.run(x)


class Counting(nn.Module):
    """Adds how often it has run."""

    n = 0

    def forward(self, x: Any) -> Any:
        """Count and add."""
        self.n += 1
        return x + self.n


class Remembering(nn.Module):
    """Adds a little of what it saw last."""

    def __init__(self) -> None:
        super().__init__()
        self.last: Any = 0.0

    def forward(self, x: Any) -> Any:
        """Add and remember."""
        found = x + 0.1 * self.last
        self.last = x.mean()
        return found


class Restarting(nn.Module):
    """Goes into training whenever it runs."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        """Train and run."""
        self.inner.train()
        return self.inner(x)


def _seeds_itself(x: Any) -> Any:
    torch.manual_seed(7)
    return x + torch.randn_like(x)


def _seeds_itself_alike_for_all(x: Any) -> Any:
    torch.manual_seed(7)
    return x + torch.randn(1, 4, 1, 1)


def _noise(x: Any) -> Any:
    return x + torch.rand(x.shape)


def _constant_noise(x: Any) -> Any:
    return x + torch.rand(1)


def _branch(x: Any) -> Any:
    return x * 1 if x.sum() > -1e9 else x


def _rare_mask(x: Any) -> Any:
    return torch.where(torch.rand_like(x) < 1e-7, torch.zeros_like(x), x)


def _normalised_by_hand(x: Any) -> Any:
    return (x - x.mean(dim=0, keepdim=True)) / (1 + x.std(dim=0, keepdim=True, correction=0))


def _scaled_by_the_largest(x: Any) -> Any:
    return x / x.abs().max()


def _fixed_directions(x: Any) -> Any:
    generator = torch.Generator().manual_seed(3)
    return x * torch.rand(4, 1, 1, generator=generator)


def _draws_in_vain(x: Any) -> Any:
    return x if float(torch.rand(())) > 2 else x * 1


def _batch_norm(**options: Any) -> nn.Module:
    return nn.BatchNorm2d(4, **options)


AGAIN, ELSEWHERE, DRAWS = "passed again, the same images", "in another batch, the same image", "it draws random numbers"
REFUSED = {
    "dropout": (lambda x: functional.dropout(x, 0.5, training=True), AGAIN),
    "dropout of one in ten million": (lambda x: functional.dropout(x, 1e-7, training=True), DRAWS),
    "a rare mask": (_rare_mask, DRAWS),
    "noise": (_noise, AGAIN),
    "noise that a graph would hold still": (_constant_noise, AGAIN),
    "noise of numpy's": (lambda x: x + float(np.random.rand()), AGAIN),
    "noise of Python's": (lambda x: x + random.random(), AGAIN),
    "noise with its own seed": (_seeds_itself, ELSEWHERE),
    # Two threads would draw from what the other has seeded.
    "noise with its own seed, alike for all": (lambda x: _seeds_itself_alike_for_all(_branch(x)), DRAWS),
    "noise in code that branches": (lambda x: _noise(_branch(x)), AGAIN),
    "batch statistics": (lambda: _batch_norm(track_running_stats=False), ELSEWHERE),
    "batch statistics of training": (
        lambda x: functional.batch_norm(x, torch.zeros(4), torch.ones(4), training=True),
        ELSEWHERE,
    ),
    "training switched on": (lambda: Restarting(_batch_norm(momentum=0.0)), ELSEWHERE),
    "dropout switched on": (lambda: Restarting(nn.Dropout(0.5)), AGAIN),
    "a mean over the batch": (_normalised_by_hand, ELSEWHERE),
    "a largest of the batch": (_scaled_by_the_largest, ELSEWHERE),
    "a counter": (Counting, AGAIN),
    "a memory": (Remembering, AGAIN),
}
TAKEN: dict[str, Any] = {
    "nothing": lambda x: x * 1,
    "a branch": _branch,
    "directions of a seed of its own": _fixed_directions,
    "a draw without effect": lambda x: _draws_in_vain(x),
    "batch normalisation": lambda: _batch_norm(),
    "dropout at rest": lambda: nn.Dropout(0.5),
    "other dropouts at rest": lambda: nn.Sequential(nn.Dropout2d(0.5), nn.AlphaDropout(0.5), nn.RReLU()),
    "noise with its own seed that a graph holds still": _seeds_itself_alike_for_all,
    "attention": lambda x: functional.scaled_dot_product_attention(x, x, x),
    "no number": lambda x: torch.log(x.clamp(max=0) - 1),
}


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Backbone]:
    """Return a function that loads a network with a step of a test's in its middle."""
    import sys
    import types

    module = types.ModuleType("tried")
    monkeypatch.setitem(sys.modules, "tried", module)

    def load(step: Any, layers: Any = ("last",)) -> Backbone:
        made = step() if isinstance(step, type) or step.__code__.co_argcount == 0 else step
        module.net = lambda: Between(made)  # type: ignore[attr-defined]
        return load_backbone("python:tried:net", layers, "random:1")

    return load


@pytest.mark.parametrize("what", REFUSED)
def test_a_network_that_is_no_function_of_its_image_is_refused(own: Any, what: str) -> None:
    step, said = REFUSED[what]
    with pytest.raises(UsageError, match=f"python:tried:net is no function of its image: {said}") as caught:
        try_network(own(step), "cpu", "float32")
    assert "from layer step" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("what", TAKEN)
@pytest.mark.parametrize("numerics", ["float32", "bfloat16"])
def test_a_function_of_its_image_is_taken(own: Any, what: str, numerics: Numerics) -> None:
    try_network(own(TAKEN[what]), "cpu", numerics)


@pytest.mark.parametrize(
    ("step", "where"),
    [
        (lambda x: functional.dropout(x * 2, 0.5, training=True) + 1, "step.dropout"),
        (lambda x: _branch(x) + torch.rand_like(x), "step"),
        (lambda: nn.Sequential(nn.ReLU(), _batch_norm(track_running_stats=False), nn.ReLU()), "step.1"),
        (lambda: Restarting(nn.Sequential(nn.Tanh(), nn.Dropout(0.5))), "step.inner.1"),
    ],
)
def test_the_layer_is_named_where_it_begins(own: Any, step: Any, where: str) -> None:
    with pytest.raises(UsageError, match=f"from layer {where} on"):
        try_network(own(step), "cpu", "float32")


def test_what_comes_before_a_draw_is_taken(own: Any) -> None:
    try_network(own(lambda x: functional.dropout(x, 0.5, training=True), ["first"]), "cpu", "float32")


def test_nothing_is_stored_of_a_network_that_is_refused(own: Any, shared_subject: Subject, tmp_path: Path) -> None:
    backbone = own(lambda x: functional.dropout(x, 0.5, training=True))
    with pytest.raises(UsageError, match="no function of its image"):
        extract(shared_subject, backbone, tmp_path)
    (store,) = list_stores(tmp_path)
    assert sum(map(len, store.pending())) == store.n_stimuli


def test_a_network_is_tried_once_for_all_subjects(
    own: Any, shared_subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    run = own(lambda x: x * 1)
    ask = trial._ask
    monkeypatch.setattr("algocli.features.networks.trial._ask", lambda *words: asked.append(words) or ask(*words))
    for name in ("one", "other"):
        extract(shared_subject, run, tmp_path / name)
    assert len(asked) == 1
    extract(shared_subject, run, tmp_path / "third", Passage(numerics="bfloat16"))
    assert len(asked) == 2


def test_features_of_before_are_not_blamed_on_the_disk(
    own: Any, subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("algocli.features.networks.trial._ask", lambda *_words: None)
        step = nn.BatchNorm2d(4, track_running_stats=False)
        (store,) = extract(subject, own(lambda: step), tmp_path / "cache")
    (one,) = recompute([store], tmp_path / "challenge", tmp_path / "cache", trust_code=True)
    assert isinstance(one, NotRecomputed)
    assert "is no function of its image" in one.reason
    with pytest.raises(UsageError, match="cannot be computed: python:tried:net is no function of its image"):
        rebuild([store], "cpu", trust_code=True)


def test_a_mode_that_a_network_does_not_run_in_is_told(own: Any) -> None:
    def mixed(x: Any) -> Any:
        return torch.mm(x.flatten(1).float()[:, :4], torch.eye(4)).view(-1, 4, 1, 1) + _sum_of_one_kind(x)

    with pytest.raises(UsageError, match=r"does not run in bfloat16 on cpu: .*") as caught:
        try_network(own(mixed), "cpu", "bfloat16")
    assert "numerics='float32'" in str(caught.value.hint)


def _sum_of_one_kind(x: Any) -> Any:
    if x.dtype != torch.float32:
        raise RuntimeError("expected float32")
    return x


class Stashing(nn.Module):
    """Keeps its input in itself for a while before it is needed."""

    def forward(self, x: Any) -> Any:
        """Keep, wait and give."""
        self.kept = _branch(x)
        time.sleep(0.02)
        return self.kept * 1


def test_code_that_keeps_a_batch_in_its_modules_is_not_given_another_meanwhile(
    own: Any, shared_subject: Subject, tmp_path: Path
) -> None:
    how = Passage(dtype="float32", batch_size=3)
    (stashed,) = extract(shared_subject, own(Stashing), tmp_path / "stashed", how)
    (plain,) = extract(shared_subject, own(_branch), tmp_path / "plain", how)
    np.testing.assert_array_equal(stashed.read(), plain.read())


@pytest.mark.slow
@pytest.mark.parametrize("model", ["resnet50", "vit_b_16", "swin_t", "convnext_tiny", "efficientnet_b0", "densenet121"])
@pytest.mark.parametrize("numerics", ["float32", "bfloat16"])
def test_every_layer_of_known_networks_is_a_function_of_its_image(model: str, numerics: Numerics) -> None:
    try_network(load_backbone(model, ["*"], "random:0"), "cpu", numerics)

"""What a training of the synthesis networks is asked for: the paper's plain form, ours, and the paper's sweep."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

from capture.errors import SettingsError

SetName = Literal["fetal", "echo"]
SIZES = (64, 128)
MARKS = (300, 500, 800)  # epochs after which a run keeps its generator, beside the last


@dataclass(frozen=True)
class SynthesisRecipe:
    """Everything that decides the outcome beside the pictures.

    Attributes
    ----------
    size : side of the pictures, 64 or 128
    width : channels of the stage nearest to the picture; every stage deeper has twice as many
    batch : pictures of a step; the paper does not print it
    learning_rate, beta1, beta2 : of Adam, for both networks
    flip, rotation_deg : real pictures are mirrored and turned at random; the paper does not print by how much
    spectral : spectral normalisation in the discriminator in place of batch normalisation
    r1_weight : of the squared gradient at real pictures, taken every sixteenth step; 0 leaves it out
    augment : what the discriminator sees, real and made alike, is shifted, cut and changed in grey at random, and
        gradients pass through it: it cannot learn few pictures by heart, and the generator does not learn the changes
    average_decay : of the generator that ships; 0 ships the last one
    seed : of weights, order and noise
    """

    size: int = 64
    width: int = 64
    epochs: int = 1000
    batch: int = 32
    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    flip: bool = True
    rotation_deg: float = 10.0
    spectral: bool = False
    r1_weight: float = 0.0
    augment: bool = False
    average_decay: float = 0.0
    seed: int = 20261210

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise SettingsError(f"pictures of {self.size} px cannot be made: choose {' or '.join(map(str, SIZES))}")


@dataclass(frozen=True)
class SynthesisOptions:
    """Which pictures a run learns from.

    Attributes
    ----------
    set_name : fetal heads (HC18) or echo (CAMUS)
    images : so many, examination by examination; 0 is the training split
    conditional : each picture at three known levels of degradation, and the level is an input
    degraded_share : so large a share of the training examinations has degraded pictures, all others as they came alone
    """

    set_name: SetName = "fetal"
    images: int = 0
    conditional: bool = False
    degraded_share: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.degraded_share <= 1:
            raise SettingsError(f"a share of {self.degraded_share:g} degraded examinations: give one above 0, up to 1")
        if self.degraded_share < 1 and not self.conditional:
            raise SettingsError("only a conditional run has degraded pictures: add --conditional to --degraded-share")


PAPER = {64: SynthesisRecipe(), 128: SynthesisRecipe(size=128, width=32, epochs=300)}
"""The paper's: DCGAN with Adam 2e-4, beta1 .5, mirrored and turned pictures; 128 px with narrower layers, as long as
the deepest are as wide."""

_OURS = SynthesisRecipe(rotation_deg=0.0, spectral=True, augment=True, average_decay=0.995)
RELEASED = {64: _OURS, 128: replace(_OURS, size=128, width=32)}
"""Ours, against few pictures and collapsed modes. Pictures are not turned: a generator makes what it is shown."""

_EPOCHS = {"fetal": 1000, "echo": 150}  # about as many pictures shown


def released_recipe(size: int, options: SynthesisOptions) -> SynthesisRecipe:
    """Our recipe for a set: echo has a left and a right, and eight times as many pictures.

    Raises
    ------
    SettingsError
        For another size.
    """
    versions = 1 + 2 * options.degraded_share if options.conditional else 1  # of each picture: three known levels
    epochs = int(_EPOCHS[options.set_name] / versions)
    return replace(_known(RELEASED, size), epochs=epochs, flip=options.set_name == "fetal")


def paper_recipe(size: int, options: SynthesisOptions) -> SynthesisRecipe:
    """The paper's recipe; echo is not mirrored."""
    return replace(_known(PAPER, size), flip=options.set_name == "fetal")


def _known(recipes: dict[int, SynthesisRecipe], size: int) -> SynthesisRecipe:
    return recipes[size] if size in recipes else SynthesisRecipe(size=size)  # the latter refuses it


Sweep = dict[str, tuple[SynthesisRecipe, SynthesisOptions]]
"""Name of a run -> what it is asked for."""


def paper_sweep() -> Sweep:
    """The paper's sweep at the size we have: numbers of pictures, learning rates, and 128 px."""
    runs: Sweep = {f"images_{count}": (PAPER[64], SynthesisOptions(images=count)) for count in (60, 120, 242)}
    everything = SynthesisOptions(images=242)
    for rate in (5e-5, 1e-3):  # beside 2e-4, which images_242 has after 300 epochs
        runs[f"rate_{rate:g}"] = (replace(PAPER[64], learning_rate=rate, epochs=300), everything)
    runs["size_128"] = (PAPER[128], everything)
    return runs


def marks(epochs: int) -> tuple[int, ...]:
    """Epochs after which a run of so many keeps its generator and measures it."""
    return tuple(sorted({mark for mark in MARKS if mark < epochs} | {epochs}))


def asked_for(recipe: SynthesisRecipe, options: SynthesisOptions) -> dict[str, object]:
    """What a run that goes on must be asked for again: all but the number of epochs."""
    plan = asdict(recipe)
    plan.pop("epochs")
    chosen = asdict(options)
    if options.degraded_share == 1:
        chosen.pop("degraded_share")  # runs from before there was a choice go on
    return plan | chosen


def command_of(recipe: SynthesisRecipe, options: SynthesisOptions) -> str:
    """The command of a run, without the folders of a machine."""
    plain = recipe.average_decay == 0
    words = ["sonogauge train synthesis", f"--size {recipe.size} --set {options.set_name} --images {options.images}"]
    words.append(f"--epochs {recipe.epochs} --recipe {'paper' if plain else 'released'}")
    words.append(f"--learning-rate {recipe.learning_rate:g}" + (" --conditional" if options.conditional else ""))
    if options.degraded_share < 1:
        words.append(f"--degraded-share {options.degraded_share:g}")
    return " ".join(words)

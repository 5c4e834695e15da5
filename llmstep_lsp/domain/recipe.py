"""Owns the words of training: how a model is trained, what a new one is like, and what a run is."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from llmstep_lsp.domain.completion import Prompt


@dataclass(frozen=True)
class Example:
    """What a model is to answer to `prompt`; examples of one `group` are held out together or not at all."""

    prompt: Prompt
    answer: str
    group: str


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    An example has at most `length` tokens.  A step learns from `batch` examples on each device,
    `accumulate` times.  `learning_rate` rises in the first share `warmup` of the steps and falls
    as a cosine in the rest.  Training ends after `epochs`, or sooner after `max_steps` or
    `max_minutes`.  Each `every` steps the state is kept, and the loss measured on the share
    `held_out` of the examples.  With `lora`, only matrices of that rank are trained.
    `precision` is that of arithmetic where the device has it; weights are kept in float32.
    """

    length: int
    epochs: float
    batch: int
    accumulate: int
    learning_rate: float
    warmup: float
    weight_decay: float
    precision: Literal["float32", "float16", "bfloat16"]
    every: int
    held_out: float
    seed: int = 0
    max_steps: int | None = None
    max_minutes: float | None = None
    lora: int | None = None


PRESETS = {
    # Welleck and Saha, "LLMSTEP: LLM proofstep suggestions in Lean" (2023).
    "llmstep": Recipe(
        length=1024,
        epochs=10,
        batch=4,
        accumulate=2,
        learning_rate=1e-5,
        warmup=0.03,
        weight_decay=0.0,
        precision="float16",
        every=500,
        held_out=0.05,
    ),
    "scratch": Recipe(
        length=512,
        epochs=10,
        batch=32,
        accumulate=1,
        learning_rate=1e-3,
        warmup=0.03,
        weight_decay=0.1,
        precision="bfloat16",
        every=500,
        held_out=0.05,
    ),
}
"""Recipes by their names: that of LLMSTEP's models, and one for small models that know nothing yet."""

Architecture = Literal["gpt-neox", "llama", "t5"]


@dataclass(frozen=True)
class NewModel:
    """A model that knows nothing yet: its architecture, width, depth, and how many tokens it may have."""

    architecture: Architecture
    hidden: int = 384
    layers: int = 6
    heads: int = 6
    vocabulary: int = 4096

    def __post_init__(self) -> None:
        if min(self.hidden, self.layers, self.heads) < 1:
            raise ValueError("hidden, layers and heads must be 1 or more")
        if self.hidden % self.heads or self.hidden // self.heads % 2:
            raise ValueError("hidden must be heads times an even number")


@dataclass(frozen=True)
class Run:
    """All that decides what a training makes: the `model` it starts from, or a new one, and the rest.

    `prompt` is the format of prompts, as TOML, and `markers` are the texts that are one
    word in it.  `quantization` says how CTranslate2 keeps the weights (None: it gets none).
    `examples` is the digest of the examples.
    """

    model: NewModel | str
    recipe: Recipe
    prompt: str
    markers: tuple[str, ...]
    quantization: str | None
    examples: str


def held_out(group: str, share: float) -> bool:
    """Whether the examples of `group` belong to the `share` of all that is not learned from."""
    digest = hashlib.sha256(group.encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64

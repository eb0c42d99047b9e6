"""The seven optimizers of the lecture as facts; `optimizers` builds them. It imports no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OptimizerFacts:
    """One optimizer.

    state_bytes: what it stores per float32 parameter. learning_rate: a rate to start with. tunable: the numbers that
    are tuned. update: the rule for parameters w, gradient g and rate η, one assignment per item.
    """

    title: str
    state_bytes: int
    learning_rate: float
    tunable: tuple[str, ...]
    update: tuple[str, ...]
    strengths: str
    weaknesses: str


OPTIMIZER_FACTS: dict[str, OptimizerFacts] = {
    "sgd": OptimizerFacts(
        "SGD", 0, 0.1, ("learning rate",),
        ("w ← w − η·g",),
        "No state, one number to tune; often generalises best when tuned.",
        "Slow along flat directions, oscillates across steep ones; needs a good rate and schedule.",
    ),
    "momentum": OptimizerFacts(
        "SGD with momentum", 4, 0.05, ("learning rate", "momentum μ"),
        ("v ← μ·v + g", "w ← w − η·v"),
        "Damps oscillation and speeds up along directions that persist.",
        "One rate for all parameters; may overshoot.",
    ),
    "adagrad": OptimizerFacts(
        "AdaGrad", 4, 0.01, ("learning rate",),
        ("s ← s + g²", "w ← w − η·g / (√s + ε)"),
        "A rate of its own for each parameter; suits sparse features.",
        "s only grows, so steps shrink towards zero in long runs.",
    ),
    "rmsprop": OptimizerFacts(
        "RMSprop", 4, 0.0005, ("learning rate", "decay α"),
        ("s ← α·s + (1 − α)·g²", "w ← w − η·g / (√s + ε)"),
        "Forgets old gradients, so steps do not vanish; suits losses that change over time.",
        "No momentum and no correction of s at the start: the first steps may be large.",
    ),
    "adam": OptimizerFacts(
        "Adam", 8, 0.001, ("learning rate", "β₁", "β₂"),
        ("m ← β₁·m + (1 − β₁)·g", "s ← β₂·s + (1 − β₂)·g²", "w ← w − η·(m / (1 − β₁ᵗ)) / (√(s / (1 − β₂ᵗ)) + ε)"),
        "Fast with little tuning; momentum and a rate for each parameter, both corrected at the start.",
        "Twice the state; weight decay is scaled with the gradient, and it may generalise worse than tuned SGD.",
    ),
    "adamw": OptimizerFacts(
        "AdamW", 8, 0.001, ("learning rate", "β₁", "β₂", "weight decay λ"),
        ("w ← w − η·λ·w", "then as Adam"),
        "Weight decay independent of the gradient; the usual choice for transformers and a good default.",
        "Twice the state, and one more number to tune.",
    ),
    "lars": OptimizerFacts(
        "LARS", 4, 4.0, ("learning rate", "momentum μ", "weight decay λ", "trust τ"),
        ("g ← g + λ·w", "v ← μ·v + η·(τ·‖w‖ / ‖g‖)·g, per layer", "w ← w − v"),
        "Each layer moves in proportion to its own size, which keeps very large batches stable.",
        "Four numbers to tune; little use with small batches.",
    ),
}  # fmt: skip
"""In the order of the lecture."""

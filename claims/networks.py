"""Whether the published diagnostics read on other networks what they read on the residual MLP.

Scale: the largest growth of the stream over one block, called out above 50. Reference: the norm of the true gradient, called
out under 1e-7. Both thresholds were set on CIFAR-10 after 100 epochs; beside them stand comparisons with backpropagation on
the same network, which need no threshold. Small networks, so that a run takes seconds.
"""

import math

import faeval as fe

vit = fe.Arm("dfa", network="vit_mini", width=32, credit_site="input", credit_scale="unit")
vit_bp = fe.Arm("bp", network="vit_mini", width=32)
cnn = fe.Arm("dfa", network="batchnorm_cnn", width=16, grid=4, credit_site="input", credit_scale="unit")
cnn_bp = fe.Arm("bp", network="batchnorm_cnn", width=16, grid=4)
recipe = ("rule", "credit_site", "credit_scale")


def growth(arm: fe.Arm) -> fe.Estimand:
    """Return how far the stream grows over its widest step, in powers of ten."""
    return fe.log10(fe.growth(arm))


def reference(arm: fe.Arm) -> fe.Estimand:
    """Return the norm of the true gradient at deep states, in powers of ten."""
    return fe.log10(fe.gradient_norm(arm, layers=fe.deep))


fires, valid = math.log10(50), -7.0
beyond = fe.Margin(0.1, "a quarter above or below: a threshold of one digit can be told no finer")
decade = fe.Margin(0.5, "a factor of three, as norms differ by that between seeds of vanilla DFA")
far = fe.Margin(
    2.0, "a factor of a hundred: less could be a matter of the step's size, as a gradient falls in any training"
)
source = "faeval, evaluation of feedback alignment, 2026: the audit of other networks"

scale_fires_on_vit = fe.Claim(
    "Scale fires on ViT-Mini under DFA, and not under backpropagation",
    fe.exceeds(growth(vit), fires, by=beyond),
    fe.below(growth(vit_bp), fires, by=beyond),
    tags=("extended",),
    source=source,
)
reference_is_lost_on_vit = fe.Claim(
    "On ViT-Mini DFA loses the reference: its deep gradients are under a hundredth of backpropagation's",
    fe.below(reference(vit), reference(vit_bp), by=far),
    attributed_to=recipe,
    tags=("extended",),
    source=source,
)
reference_fires_on_vit = fe.Claim(
    "On ViT-Mini deep gradients under DFA fall below 1e-7, the published threshold",
    fe.below(reference(vit), valid, by=decade),
    tags=("extended",),
    source=source,
)
only_scale_fires_on_cnn = fe.Claim(
    "On the BatchNorm CNN, which has no LayerNorm, scale fires and reference does not",
    fe.exceeds(growth(cnn), fires, by=beyond),
    fe.exceeds(reference(cnn), valid, by=decade),
    tags=("extended",),
    source=source,
)
only_scale_grows_on_cnn = fe.Claim(
    "On the BatchNorm CNN the stream grows more under DFA than under backpropagation, and the reference is kept",
    fe.exceeds(growth(cnn), growth(cnn_bp), by=decade),
    fe.exceeds(reference(cnn), reference(cnn_bp) - 2.0, by=beyond),
    attributed_to=recipe,
    tags=("extended",),
    source=source,
)

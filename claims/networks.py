"""Whether the published diagnostics read on other networks what they read on the residual MLP.

Scale: the largest growth of the stream over one block, called out above 50. Reference: the norm of
the true gradient, called out under 1e-7. Both thresholds were set on CIFAR-10 after 100 epochs;
beside them stand comparisons with backpropagation on the same network, which need no threshold.
Small networks, so that a run takes seconds.
"""

import math

import faeval as fe

vit = fe.Arm("dfa", network="vit_mini", width=32, credit_site="input", credit_scale="unit")
vit_bp = fe.Arm("bp", network="vit_mini", width=32)
cnn = fe.Arm(
    "dfa", network="batchnorm_cnn", width=16, grid=4, credit_site="input", credit_scale="unit"
)
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
power_of_ten = fe.Margin(
    0.5, "a factor of three: a threshold that is a power of ten can be told no finer"
)
grows = fe.Margin(
    0.5,
    "a factor of three; between pilot seeds of the CNN under DFA growth differed by up to a factor"
    " of two",
)
far = fe.Margin(
    2.0,
    "a factor of a hundred: gradients fall in any training that goes well, and less could be no"
    " more than that",
)
source = "faeval, evaluation of feedback alignment, 2026: the audit of other networks"
sized = "Width and grid are small, so that a run takes seconds; the published ViT-Mini is 128 wide."

scale_fires_on_vit = fe.Claim(
    "Scale fires on ViT-Mini under DFA, and not under backpropagation",
    fe.exceeds(growth(vit), fires, by=beyond, anticipated=1.0),
    fe.below(growth(vit_bp), fires, by=beyond, anticipated=1.1),
    expect={"teacher": "supported", "digits": "supported"},
    tags=("extended",),
    note=sized,
    source=source,
)
reference_is_lost_on_vit = fe.Claim(
    "On ViT-Mini DFA loses the reference: its deep gradients are under a hundredth of"
    " backpropagation's",
    fe.below(reference(vit), reference(vit_bp), by=far, anticipated=2.4),
    attributed_to=recipe,
    expect={"teacher": "supported"},
    tags=("extended",),
    note=(
        f"{sized} No expectation on digits: the pilots' ratio there is a factor of 240, near the"
        " margin."
    ),
    source=source,
)
reference_fires_on_vit = fe.Claim(
    "On ViT-Mini deep gradients under DFA fall below 1e-7, the published threshold",
    fe.below(reference(vit), valid, by=power_of_ten, anticipated=2.5),
    expect={"teacher": "refuted", "digits": "refuted"},
    tags=("extended",),
    note=(
        f"{sized} The threshold is of 100 epochs on CIFAR-10, where gradients were 1e-9 to 1e-10,"
        " which is the effect anticipated; 20 epochs on these tasks came nowhere near in the"
        " pilots."
    ),
    source=source,
)
only_scale_fires_on_cnn = fe.Claim(
    "On the BatchNorm CNN, which has no LayerNorm, scale fires and reference does not",
    fe.exceeds(growth(cnn), fires, by=beyond, anticipated=0.5),
    fe.exceeds(reference(cnn), valid, by=power_of_ten, anticipated=6.0),
    expect={"teacher": "refuted", "digits": "refuted"},
    tags=("extended",),
    note=(
        "In the pilots the stream grew at most 17-fold in a block, a third of the published"
        " threshold."
    ),
    source=source,
)
only_scale_grows_on_cnn = fe.Claim(
    "On the BatchNorm CNN the stream grows more under DFA than under backpropagation, and the"
    " reference is kept",
    fe.exceeds(growth(cnn), growth(cnn_bp), by=grows, anticipated=0.86),
    fe.exceeds(reference(cnn), reference(cnn_bp) - 2.0, by=beyond, anticipated=0.67),
    attributed_to=recipe,
    expect={"teacher": "supported", "digits": "refuted"},
    tags=("extended",),
    note=(
        "Kept: above a hundredth of backpropagation's deep gradient, the measure by which ViT-Mini"
        " is said to lose it."
    ),
    source=source,
)

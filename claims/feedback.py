"""Whose alignment it is: of the feedback a network was trained with, and in feedback alignment (FA)
of its last block.

FA gives its last block the true gradient, so that one of L deep cosines is 1 by construction. With
it the average over deep states falls with depth because 1/L does; without it the average is of what
FA achieved.
"""

import faeval as fe

standard = fe.Arm("dfa")
published = fe.Arm("dfa", credit_site="input", credit_scale="unit")
fa = fe.Arm("fa")
ten_on_cifar10 = {"teacher": 5, "digits": 5, "cifar10": 10}

above = fe.Margin(0.03, "a fifth of the published rise in deep cosine, 0.15, as in penalty.py")
nothing = fe.Margin(
    0.03, "a fifth of the published rise in deep cosine, 0.15: what would still read as none"
)
falls = fe.Margin(0.05, "a sixth of the published deep cosine of FA at four blocks, 0.33")
source = (
    "faeval, evaluation of feedback alignment, 2026: the null of fresh feedback, and feedback"
    " alignment by depth"
)


def fresh(arm: fe.Arm) -> fe.Estimand:
    """Return the deep cosine that newly drawn feedback reads on the same checkpoint."""
    return fe.metric("fresh_cosine", arm, layers=fe.deep)


def belongs(arm: fe.Arm, anticipated: float) -> list[fe.Assertion]:
    """Return that deep cosine is more than fresh feedback reads, and that fresh feedback reads
    nothing.
    """
    return [
        fe.exceeds(fe.cosine(arm), fresh(arm), by=above, anticipated=anticipated),
        fe.equivalent(fresh(arm), within=nothing),
    ]


alignment_belongs_to_the_training_feedback = fe.Claim(
    "Deep alignment of penalised DFA belongs to the feedback it was trained with, by the published"
    " recipe",
    *belongs(published.but(penalty=1e-2), 0.15),
    family="feedback",
    expect={"teacher": "refuted", "cifar10": "supported"},
    seeds=ten_on_cifar10,
    tags=("extended",),
    published=[
        {
            "setting": "cifar10",
            "what": "deep cosine with the training feedback, seed 42",
            "published": 0.163,
            "side": "a",
        },
        {
            "setting": "cifar10",
            "what": "deep cosine over 20 fresh draws, seed 42",
            "published": 0.002,
            "spread": 0.022,
            "side": "b",
        },
    ],
    source=source,
)
alignment_belongs_to_the_training_feedback_in_standard_dfa = fe.Claim(
    "Deep alignment of penalised standard DFA belongs to the feedback it was trained with",
    *belongs(standard.but(penalty=1e-2), 0.2),
    family="feedback",
    expect={"teacher": "supported", "digits": "supported", "cifar10": "supported"},
    seeds=ten_on_cifar10,
    tags=("extended",),
)

# --- feedback alignment by depth ---

two, four, six, eight = (fa.but(blocks=blocks) for blocks in (2, 4, 6, 8))
with_the_last = {"exact": "included"}

fa_falls_with_depth = fe.Claim(
    "Deep cosine of FA falls with depth, its exact last block counted in",
    fe.below(
        fe.cosine(four, **with_the_last),
        fe.cosine(two, **with_the_last),
        by=falls,
        anticipated=0.19,
    ),
    fe.below(
        fe.cosine(eight, **with_the_last),
        fe.cosine(four, **with_the_last),
        by=falls,
        anticipated=0.18,
    ),
    attributed_to="blocks",
    family="feedback_depth",
    expect={"teacher": "supported", "digits": "supported", "cifar10": "supported"},
    seeds=ten_on_cifar10,
    tags=("extended",),
    published=[
        {
            "setting": "cifar10",
            "what": "deep cosine, 4 blocks of 512",
            "published": 0.29,
            "side": "a",
        },
        {
            "setting": "cifar10",
            "what": "deep cosine, 2 blocks of 512",
            "published": 0.48,
            "side": "b",
        },
        {
            "setting": "cifar10",
            "what": "deep cosine, 8 blocks of 512",
            "published": 0.11,
            "side": "a",
            "assertion": 1,
        },
        {
            "setting": "cifar10",
            "what": "deep cosine, 4 blocks of 512",
            "published": 0.29,
            "side": "b",
            "assertion": 1,
        },
    ],
    source=source,
)
fa_falls_with_depth_without_its_exact_block = fe.Claim(
    "Deep cosine of FA falls with depth where its exact last block is left out",
    fe.below(
        fe.cosine(four, layers=fe.deep.inexact),
        fe.cosine(two, layers=fe.deep.inexact),
        by=falls,
        anticipated=0.1,
    ),
    fe.below(
        fe.cosine(eight, layers=fe.deep.inexact),
        fe.cosine(four, layers=fe.deep.inexact),
        by=falls,
        anticipated=0.1,
    ),
    attributed_to="blocks",
    family="feedback_depth",
    seeds=ten_on_cifar10,
    tags=("extended",),
)
the_exact_block_is_most_of_it = fe.Claim(
    "At 2, 4, 6 and 8 blocks more than half of FA's deep cosine is its exact last block",
    *(
        fe.below(
            fe.cosine(arm, **with_the_last),
            2 / blocks,
            by=fe.Margin(0.0, "half or not: a bound"),
            anticipated=effect,
        )
        for arm, blocks, effect in (
            (two, 2, 0.5),
            (four, 4, 0.15),
            (six, 6, 0.15),
            (eight, 8, 0.12),
        )
    ),
    family="feedback_depth",
    seeds=ten_on_cifar10,
    tags=("extended",),
    note=(
        "Of L deep states one scores 1 by construction, 1/L of the average: more than half where"
        " the average is below 2/L."
    ),
    source=source,
)

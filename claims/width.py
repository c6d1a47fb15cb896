"""Feedback alignment by depth at 512, the width of the published figures. feedback.py asks the same
at each setting's own width.

Registered without runs on CIFAR-10, each of which takes many times as long as one at width 256:
there it stands as not run.
"""

import faeval as fe

two, four, eight = (fe.Arm("fa", width=512, blocks=blocks) for blocks in (2, 4, 8))
with_the_last = {"exact": "included"}
falls = fe.Margin(
    0.05, "a sixth of the published deep cosine of FA at four blocks, 0.33, as in feedback.py"
)
source = "faeval, evaluation of feedback alignment, 2026: feedback alignment by depth"

fa_falls_with_depth = fe.Claim(
    "At width 512, too, deep cosine of FA falls with depth, its exact last block counted in",
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
    expect={"teacher": "supported", "digits": "supported", "cifar10": "supported"},
    tags=("extended",),
    published=[
        {"setting": "cifar10", "what": "deep cosine, 4 blocks", "published": 0.29, "side": "a"},
        {"setting": "cifar10", "what": "deep cosine, 2 blocks", "published": 0.48, "side": "b"},
        {
            "setting": "cifar10",
            "what": "deep cosine, 8 blocks",
            "published": 0.11,
            "side": "a",
            "assertion": 1,
        },
        {
            "setting": "cifar10",
            "what": "deep cosine, 4 blocks",
            "published": 0.29,
            "side": "b",
            "assertion": 1,
        },
    ],
    source=source,
)

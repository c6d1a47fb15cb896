"""Whether vanilla DFA teaches its deep blocks: the embedding is aligned, the blocks above it are said not to be."""

import faeval as fe

standard = fe.Arm("dfa")
published = fe.Arm("dfa", credit_site="input", credit_scale="unit")

gap = fe.Margin(
    0.1, "just under the least lead of the embedding in any pilot of a vanilla arm (digits, standard DFA, 0.11)"
)
nothing = fe.Margin(
    0.05, "twice the largest deep cosine, in size, among the three published seeds of vanilla DFA, 0.025"
)
source = "faeval perturbation-correlation audit, 2026-04-08"
ten_on_cifar10 = {"teacher": 5, "digits": 5, "cifar10": 10}

only_the_embedding_is_aligned_in_standard_dfa = fe.Claim(
    "In standard DFA the embedding is aligned while deep blocks are not",
    fe.exceeds(fe.cosine(standard, layers=fe.embedding), fe.cosine(standard), by=gap, anticipated=0.34),
    fe.equivalent(fe.cosine(standard), within=nothing),
    expect={"teacher": "refuted", "digits": "refuted", "cifar10": "refuted"},
    seeds=ten_on_cifar10,
    note="In every pilot the first block of standard DFA was well aligned (0.30 to 0.46), so deep blocks are not at zero.",
    source=source,
)

only_the_embedding_is_aligned_in_the_published_recipe = fe.Claim(
    "In the published recipe of DFA the embedding is aligned while deep blocks are not",
    fe.exceeds(fe.cosine(published, layers=fe.embedding), fe.cosine(published), by=gap, anticipated=0.37),
    fe.equivalent(fe.cosine(published), within=nothing),
    expect={"cifar10": "supported"},
    seeds=ten_on_cifar10,
    note="On teacher and digits the pilots' deep cosine, 0.06 and 0.08, is too near the margin for five seeds to tell.",
    published=[
        {"setting": "cifar10", "what": "cosine of the embedding", "published": 0.42, "side": "a"},
        {
            "setting": "cifar10",
            "what": "deep cosine, read at epoch 1",
            "published": -0.008,
            "spread": 0.013,
            "side": "a",
            "assertion": 1,
        },
    ],
    source=source,
)

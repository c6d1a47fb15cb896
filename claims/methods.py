"""The rows of the published table: what each learning rule reaches, and whether deep cosine ranks
the rules by it.

By the published recipe, credit at a block's input and at unit root mean square, unless a claim says
standard. The published figures are of CIFAR-10: the penalised ones after 30 epochs, the others
after 100. State Bridge, Credit Bridge and equilibrium propagation are not fully defined in public;
docs/bench.md says what was chosen.
"""

import math

import faeval as fe

dfa = fe.Arm("dfa", credit_site="input", credit_scale="unit")
ep, sb, cb = (dfa.but(rule=name) for name in ("ep", "sb", "cb"))
ep_standard = fe.Arm(
    "ep"
)  # its own update is a block's output moved by the contrast as it is, never at unit size
dfa_penalised, sb_penalised, cb_penalised = (arm.but(penalty=1e-2) for arm in (dfa, sb, cb))

aligned = fe.Margin(
    0.05,
    "a third of the deep cosine published for penalised DFA, 0.15, the smallest of the three that"
    " are compared",
)
better = fe.Margin(
    0.02,
    "2 percentage points, under which the published audit calls a difference in accuracy of no use",
)
source = "faeval, evaluation of feedback alignment, 2026: the audit table and the penalty controls"
after_100 = "The published figures are after 100 epochs, at matched length only among themselves."

deep_cosine_ranks_cb_sb_dfa = fe.Claim(
    "Under the penalty deep cosine ranks Credit Bridge over State Bridge over DFA",
    fe.exceeds(fe.cosine(cb_penalised), fe.cosine(sb_penalised), by=aligned, anticipated=0.357),
    fe.exceeds(fe.cosine(sb_penalised), fe.cosine(dfa_penalised), by=aligned, anticipated=0.171),
    attributed_to="rule",
    expect={"teacher": "supported", "digits": "refuted"},
    note=(
        "On digits the pilots saw State Bridge over Credit Bridge, by 0.10. The effects anticipated"
        " are the published ones."
    ),
    published=[
        {
            "setting": "cifar10",
            "what": "deep cosine, Credit Bridge, penalised",
            "published": 0.679,
            "side": "a",
        },
        {
            "setting": "cifar10",
            "what": "deep cosine, State Bridge, penalised",
            "published": 0.322,
            "side": "b",
        },
        {
            "setting": "cifar10",
            "what": "deep cosine, DFA, penalised",
            "published": 0.151,
            "side": "b",
            "assertion": 1,
        },
    ],
    source=source,
)

accuracy_ranks_sb_cb_dfa = fe.Claim(
    "Under the penalty accuracy ranks State Bridge over Credit Bridge, and Credit Bridge not"
    " below DFA",
    fe.exceeds(fe.accuracy(sb_penalised), fe.accuracy(cb_penalised), by=better, anticipated=0.093),
    fe.not_below(fe.accuracy(cb_penalised), fe.accuracy(dfa_penalised), by=better, anticipated=0.0),
    attributed_to="rule",
    expect={"teacher": "refuted", "digits": "refuted"},
    note=(
        "The published accuracies of Credit Bridge and DFA are one number, so that the second half"
        " asks for no more than that. In the pilots on teacher the order was the other way round."
    ),
    published=[
        {
            "setting": "cifar10",
            "what": "accuracy, State Bridge, penalised",
            "published": 0.453,
            "spread": 0.003,
            "side": "a",
        },
        {
            "setting": "cifar10",
            "what": "accuracy, Credit Bridge, penalised",
            "published": 0.360,
            "side": "b",
        },
    ],
    source=source,
)

cosine_does_not_rank_methods = fe.Claim(
    "Deep cosine does not rank methods by usefulness: Credit Bridge is far better aligned than DFA,"
    " and no more accurate",
    fe.exceeds(fe.cosine(cb_penalised), fe.cosine(dfa_penalised), by=aligned, anticipated=0.528),
    fe.not_above(fe.accuracy(cb_penalised), fe.accuracy(dfa_penalised), by=better, anticipated=0.0),
    attributed_to="rule",
    expect={"teacher": "supported", "digits": "supported"},
    source=source,
)

the_penalty_rescues_the_bridges = fe.Claim(
    "The penalty raises the accuracy of both bridges",
    fe.exceeds(fe.accuracy(sb_penalised), fe.accuracy(sb), by=better, anticipated=0.25),
    fe.exceeds(fe.accuracy(cb_penalised), fe.accuracy(cb), by=better, anticipated=0.07),
    attributed_to="penalty",
    expect={"teacher": "supported"},
    note=after_100,
    tags=("extended",),
    source=source,
)

without_the_penalty_no_bridge_reaches_dfa = fe.Claim(
    "Without the penalty neither bridge reaches the accuracy of DFA",
    fe.below(fe.accuracy(sb), fe.accuracy(dfa), by=better, anticipated=0.1),
    fe.below(fe.accuracy(cb), fe.accuracy(dfa), by=better, anticipated=0.13),
    attributed_to="rule",
    expect={"teacher": "supported", "digits": "supported"},
    note=(
        f"{after_100} The effect anticipated for Credit Bridge is the pilot's on teacher; the"
        " published one is 0.017."
    ),
    published=[
        {
            "setting": "cifar10",
            "what": "accuracy, State Bridge",
            "published": 0.205,
            "spread": 0.039,
            "side": "a",
        },
        {
            "setting": "cifar10",
            "what": "accuracy, DFA",
            "published": 0.306,
            "spread": 0.008,
            "side": "b",
        },
    ],
    tags=("extended",),
    source=source,
)

blocks_that_learn_do_harm = fe.Claim(
    "Under DFA and State Bridge, blocks that learn are worse than blocks left as they were drawn",
    fe.below(fe.depth_utility(dfa), 0, by=better, anticipated=0.043),
    fe.below(fe.depth_utility(sb), 0, by=better, anticipated=0.144),
    attributed_to="trained_blocks",
    expect={"teacher": "supported", "digits": "supported"},
    note=(
        f"{after_100} The effects anticipated are the published ones, against one frozen baseline"
        " for all; here each rule is compared with a baseline whose embedding it trains itself."
    ),
    tags=("extended",),
    source=source,
)

fa_is_more_accurate_than_dfa = fe.Claim(
    "By the standard recipe FA is more accurate than DFA",
    fe.exceeds(fe.accuracy(fe.Arm("fa")), fe.accuracy(fe.Arm("dfa")), by=better, anticipated=0.095),
    attributed_to="rule",
    expect={"teacher": "refuted"},
    note=(
        f"{after_100} At unit credit FA falls far below the figure published for it, so the"
        " standard recipe is asked."
    ),
    published=[
        {
            "setting": "cifar10",
            "what": "accuracy, FA",
            "published": 0.401,
            "spread": 0.009,
            "side": "a",
        },
        {
            "setting": "cifar10",
            "what": "accuracy, DFA",
            "published": 0.306,
            "spread": 0.008,
            "side": "b",
        },
    ],
    source=source,
)

equilibrium_propagation_starts_along_the_gradient = fe.Claim(
    "After one epoch the credit of equilibrium propagation lies along the gradient at deep states,"
    " that of DFA does not",
    fe.exceeds(
        fe.cosine(ep.but(epochs=1)),
        fe.cosine(dfa.but(epochs=1)),
        by=fe.Margin(0.5, "halfway to the gradient"),
        anticipated=0.9,
    ),
    attributed_to="rule",
    expect={"teacher": "supported", "digits": "supported"},
    source=source,
)

equilibrium_propagation_is_low_in_accuracy = fe.Claim(
    "Equilibrium propagation is less accurate than backpropagation",
    fe.below(fe.accuracy(ep_standard), fe.accuracy(fe.Arm("bp")), by=better, anticipated=0.299),
    attributed_to="rule",
    tags=("extended",),
    note=(
        f"{after_100} The effect anticipated is the published one. No expectation on teacher and"
        " digits: pilots saw no such gap there; on teacher, where labels are noisy,"
        " backpropagation fits the noise."
    ),
    published=[
        {
            "setting": "cifar10",
            "what": "accuracy, equilibrium propagation",
            "published": 0.316,
            "spread": 0.037,
            "side": "a",
        },
        {
            "setting": "cifar10",
            "what": "accuracy, backpropagation",
            "published": 0.615,
            "spread": 0.004,
            "side": "b",
        },
    ],
    source=source,
)

equilibrium_propagation_is_valid_in_measurement = fe.Claim(
    "Under equilibrium propagation neither scale nor reference is called out: growth stays under"
    " 50, the gradient above 1e-7",
    fe.below(
        fe.log10(fe.growth(ep_standard)),
        math.log10(50),
        by=fe.Margin(0.1, "a quarter: a threshold of one digit can be told no finer"),
        anticipated=0.8,
    ),
    fe.exceeds(
        fe.log10(fe.gradient_norm(ep_standard, layers=fe.deep)),
        -7.0,
        by=fe.Margin(
            0.5, "a factor of three: a threshold that is a power of ten can be told no finer"
        ),
        anticipated=4.0,
    ),
    expect={"teacher": "supported", "digits": "supported"},
    tags=("extended",),
    source=source,
)

"""The rows of the published table: what each learning rule reaches, and whether deep cosine ranks them by it.

All local rules by the published recipe, credit at a block's input and at unit root mean square, as the table was made. The
published figures are of CIFAR-10, the penalised ones after 30 epochs, the others after 100.
"""

import faeval as fe

dfa = fe.Arm("dfa", credit_site="input", credit_scale="unit")
fa, ep, sb, cb = (dfa.but(rule=name) for name in ("fa", "ep", "sb", "cb"))
bp = fe.Arm("bp")
dfa_penalised, sb_penalised, cb_penalised = (arm.but(penalty=1e-2) for arm in (dfa, sb, cb))

aligned = fe.Margin(
    0.05, "a third of the deep cosine published for penalised DFA, 0.15, the smallest of the three rules compared"
)
better = fe.Margin(0.02, "2 percentage points, the published threshold under which a depth is said to be of no use")
source = "faeval, evaluation of feedback alignment, 2026: the audit table and the penalty controls"

deep_cosine_ranks_cb_sb_dfa = fe.Claim(
    "Under the penalty deep cosine ranks Credit Bridge over State Bridge over DFA",
    fe.exceeds(fe.cosine(cb_penalised), fe.cosine(sb_penalised), by=aligned),
    fe.exceeds(fe.cosine(sb_penalised), fe.cosine(dfa_penalised), by=aligned),
    attributed_to="rule",
    source=source,
)
accuracy_ranks_sb_cb_dfa = fe.Claim(
    "Under the penalty accuracy ranks State Bridge over Credit Bridge over DFA",
    fe.exceeds(fe.accuracy(sb_penalised), fe.accuracy(cb_penalised), by=better),
    fe.exceeds(fe.accuracy(cb_penalised), fe.accuracy(dfa_penalised), by=better),
    attributed_to="rule",
    source=source,
)
a = fe.Claim(
    "a",
    fe.exceeds(fe.accuracy(fa), fe.accuracy(dfa), by=better),
    attributed_to="rule",
)
b = fe.Claim(
    "b",
    fe.below(fe.depth_utility(dfa), 0, by=better),
    fe.below(fe.depth_utility(sb), 0, by=better),
    attributed_to="trained_blocks",
)
c = fe.Claim(
    "c",
    fe.below(fe.accuracy(ep), fe.accuracy(bp), by=better),
    attributed_to=("rule", "credit_site", "credit_scale"),
)
d = fe.Claim(
    "d", fe.exceeds(fe.cosine(ep.but(epochs=1)), fe.cosine(dfa.but(epochs=1)), by=aligned), attributed_to="rule"
)
e = fe.Claim("e", fe.exceeds(fe.accuracy(cb), fe.accuracy(dfa), by=better), attributed_to="rule")

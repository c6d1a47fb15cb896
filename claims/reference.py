"""The published comparison read vanilla DFA at epoch 1 and penalised DFA at the end: two differences, one conclusion.

The first claim is kept as an example of a design that is refused before any run. The second compares both arms at epoch
1, and the claims of penalty.py compare them at the end.
"""

import faeval as fe

vanilla = fe.Arm("dfa", credit_site="input", credit_scale="unit")
penalised = vanilla.but(penalty=1e-2)

margin = fe.Margin(0.03, "as in penalty.py, so that early and late comparisons are read by one measure")

early_vanilla_against_late_penalised = fe.Claim(
    "The penalty creates deep alignment: vanilla DFA at epoch 1 against penalised DFA at its last epoch",
    fe.exceeds(fe.rho(penalised), fe.rho(vanilla, epoch=1), by=margin, anticipated=0.08),
    attributed_to="penalty",
    family="confounded",
    expect="invalid:confounded",
    seeds={"cifar10": 10},
    note="The sides differ in the penalty and in the length of training: whatever comes out cannot be laid to either.",
    source="faeval perturbation-correlation audit, 2026-04-08",
)

both_at_the_first_epoch = fe.Claim(
    "After one epoch the penalty has already created deep alignment",
    fe.exceeds(fe.rho(penalised, epoch=1), fe.rho(vanilla, epoch=1), by=margin, anticipated=0.08),
    attributed_to="penalty",
    expect={"teacher": "refuted", "digits": "refuted"},
    seeds={"cifar10": 10},
    note="The matched form of the comparison above, at its earlier epoch.",
)

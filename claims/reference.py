"""The published comparison read vanilla DFA at epoch 1 and penalised DFA at the end: two
differences, one conclusion.

The first claim is kept as an example of a design that is refused before any run. The second
compares both arms at epoch 1, and the claims of penalty.py compare them at the end.
"""

import faeval as fe

vanilla = fe.Arm("dfa", credit_site="input", credit_scale="unit")
penalised = vanilla.but(penalty=1e-2)

margin = fe.Margin(
    0.03, "as in penalty.py, so that early and late comparisons are read by one measure"
)
ten_on_cifar10 = {"teacher": 5, "digits": 5, "cifar10": 10}

early_vanilla_against_late_penalised = fe.Claim(
    "The penalty creates deep alignment: vanilla DFA at epoch 1 against penalised DFA at its last"
    " epoch",
    fe.exceeds(fe.rho(penalised), fe.rho(vanilla, epoch=1), by=margin, anticipated=0.08),
    attributed_to="penalty",
    family="confounded",
    expect="invalid:confounded",
    seeds={"cifar10": 10},
    note=(
        "The sides differ in the penalty and in the length of training: whatever comes out cannot"
        " be laid to either."
    ),
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

# --- what the refused comparison would have said, and what of it is training time ---

published_words = "faeval perturbation-correlation audit, 2026-04-08"

late_penalised_is_above_early_vanilla = fe.Claim(
    "Penalised DFA at its last epoch is better aligned than vanilla DFA at epoch 1, for whichever"
    " of the two reasons",
    fe.exceeds(fe.rho(penalised), fe.rho(vanilla, epoch=1), by=margin, anticipated=0.08),
    attributed_to=("penalty", "epoch"),
    family="reference_epochs",
    expect={"teacher": "refuted", "digits": "supported", "cifar10": "supported"},
    seeds=ten_on_cifar10,
    note=(
        "The published comparison, said as what it is: two differences, and no word on which of"
        " them did it."
    ),
    published=[
        {
            "setting": "cifar10",
            "what": "deep rho, penalised, at the end",
            "published": 0.080,
            "spread": 0.011,
            "side": "a",
        },
        {
            "setting": "cifar10",
            "what": "deep rho, vanilla, epoch 1",
            "published": -0.003,
            "spread": 0.005,
            "side": "b",
        },
    ],
    source=published_words,
)
training_moves_nothing_in_vanilla_dfa = fe.Claim(
    "By the published recipe vanilla DFA is as aligned after one epoch as at the end",
    fe.equivalent(fe.cosine(vanilla), fe.cosine(vanilla, epoch=1), within=margin),
    attributed_to="epoch",
    family="reference_epochs",
    expect={"digits": "refuted", "cifar10": "supported"},
    seeds=ten_on_cifar10,
    note="Where this holds, the published shortcut of reading vanilla DFA at epoch 1 did no harm.",
)
training_moves_nothing_in_standard_dfa = fe.Claim(
    "Standard DFA is as aligned after one epoch as at the end",
    fe.equivalent(fe.cosine(fe.Arm("dfa")), fe.cosine(fe.Arm("dfa"), epoch=1), within=margin),
    attributed_to="epoch",
    family="reference_epochs",
    expect={"teacher": "refuted", "digits": "refuted"},
    seeds=ten_on_cifar10,
)
penalised_alignment_grows_with_training = fe.Claim(
    "By the published recipe penalised DFA is better aligned at the end than after one epoch",
    fe.exceeds(fe.cosine(penalised), fe.cosine(penalised, epoch=1), by=margin, anticipated=0.12),
    attributed_to="epoch",
    family="reference_epochs",
    expect={"teacher": "refuted", "cifar10": "supported"},
    seeds=ten_on_cifar10,
)
after_one_epoch_the_penalty_has_raised_cosine = fe.Claim(
    "After one epoch the penalty has already raised deep cosine, by the published recipe",
    fe.exceeds(
        fe.cosine(penalised, epoch=1), fe.cosine(vanilla, epoch=1), by=margin, anticipated=0.08
    ),
    attributed_to="penalty",
    family="reference_first_epoch",
    expect={"teacher": "refuted", "digits": "refuted"},
    seeds=ten_on_cifar10,
)
after_one_epoch_the_penalty_has_raised_cosine_in_standard_dfa = fe.Claim(
    "After one epoch the penalty has already raised deep cosine in standard DFA",
    fe.exceeds(
        fe.cosine(fe.Arm("dfa", penalty=1e-2), epoch=1),
        fe.cosine(fe.Arm("dfa"), epoch=1),
        by=margin,
        anticipated=0.08,
    ),
    attributed_to="penalty",
    family="reference_first_epoch",
    expect={"teacher": "refuted", "digits": "refuted", "cifar10": "refuted"},
    seeds=ten_on_cifar10,
)

"""What the published audit can see: float32, one-sided, an absolute step of 1e-3.

Its positive control, the true gradient read by the audit itself, falls where gradients are small against the rounding of
the loss. Where it falls the audit reads about zero, whatever the credit.
"""

import faeval as fe

vanilla = fe.Arm("dfa", credit_site="input", credit_scale="unit")
penalised = vanilla.but(penalty=1e-2)
source = "faeval perturbation-correlation audit, 2026-04-08"
ten_on_cifar10 = {"teacher": 5, "digits": 5, "cifar10": 10}

the_published_audit_is_blind_in_vanilla_dfa = fe.Claim(
    "In deep states of vanilla DFA the published audit does not see the true gradient",
    fe.below(
        fe.metric("published.control_true", vanilla, layers=fe.deep),
        fe.metric("control_true", vanilla, layers=fe.deep),
        by=fe.Margin(
            0.5, "an audit that keeps less than half of the true gradient cannot say that credit is about zero"
        ),
        anticipated=-0.98,
    ),
    expect={"teacher": "supported", "digits": "refuted", "cifar10": "invalid:undefined"},
    seeds=ten_on_cifar10,
    about="instrument",
    note=(
        "On digits, where gradients stay large, the pilot's loss was 0.012. On CIFAR-10 every one of 32 x 1024 differences at the "
        "last state rounded to exactly 0 in both pilots: there the audit's correlation does not exist."
    ),
    source=source,
)

the_published_audit_reads_penalised_rho = fe.Claim(
    "In deep states of penalised DFA the published audit reads rho as float64 does",
    fe.equivalent(
        fe.metric("published.rho", penalised, layers=fe.deep),
        fe.rho(penalised),
        within=fe.Margin(
            0.03, "a fifth of the published rise in deep cosine, 0.15: the margin by which that rise is judged"
        ),
    ),
    expect={"teacher": "supported", "digits": "supported", "cifar10": "refuted"},
    seeds=ten_on_cifar10,
    about="instrument",
    published=[{"setting": "cifar10", "what": "deep rho by the published audit", "published": 0.080, "side": "a"}],
    source=source,
)

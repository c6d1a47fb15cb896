"""What the published audit can see: float32, one-sided, an absolute step of 1e-3.

Its positive control, the true gradient read by the audit itself, falls where gradients are small
against the rounding of the loss. Where it falls the audit reads about zero, whatever the credit.
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
            0.5,
            "an audit that keeps less than half of the true gradient cannot say that credit is"
            " about zero",
        ),
        anticipated=-0.98,
    ),
    expect={"teacher": "supported", "digits": "refuted", "cifar10": "invalid:undefined"},
    seeds=ten_on_cifar10,
    about="instrument",
    note=(
        "On digits, where gradients stay large, the pilot's loss was 0.012. On CIFAR-10 every one"
        " of 32 x 1024 differences at the last state rounded to exactly 0 in both pilots: there the"
        " audit's correlation does not exist."
    ),
    source=source,
)

the_published_audit_reads_penalised_rho = fe.Claim(
    "In deep states of penalised DFA the published audit reads rho as float64 does",
    fe.equivalent(
        fe.metric("published.rho", penalised, layers=fe.deep),
        fe.rho(penalised),
        within=fe.Margin(
            0.03,
            "a fifth of the published rise in deep cosine, 0.15: the margin by which that rise is"
            " judged",
        ),
    ),
    expect={"teacher": "supported", "digits": "supported", "cifar10": "refuted"},
    seeds=ten_on_cifar10,
    about="instrument",
    published=[
        {
            "setting": "cifar10",
            "what": "deep rho by the published audit",
            "published": 0.080,
            "side": "a",
        }
    ],
    source=source,
)

# --- how much of rho is lost, and whether the audit's own control says so ---

standard = fe.Arm("dfa")
kept = fe.Margin(
    0.1,
    "in powers of ten: a quarter more or less, as coarse as a correction may be and still be"
    " of use",
)


def read_again(arm: fe.Arm) -> fe.Assertion:
    """Return that published rho, divided by what the audit keeps of the true gradient, is rho."""
    audited = fe.log10(fe.metric("published.rho", arm, layers=fe.deep))
    control = fe.log10(fe.metric("published.control_true", arm, layers=fe.deep))
    return fe.equivalent(audited - control, fe.log10(fe.rho(arm)), within=kept)


the_published_audit_halves_penalised_rho = fe.Claim(
    "In deep states of penalised DFA there is a rho to read, and the published audit reads half"
    " of it",
    fe.exceeds(
        fe.rho(penalised),
        0,
        by=fe.Margin(0.05, "below that, half of it is within the margin of nothing"),
        anticipated=0.12,
    ),
    fe.equivalent(
        fe.metric("published.rho", penalised, layers=fe.deep),
        0.5 * fe.rho(penalised),
        within=fe.Margin(0.02, "a quarter of the published deep rho, 0.080"),
    ),
    family="rounding",
    expect={"teacher": "refuted", "digits": "refuted", "cifar10": "supported"},
    seeds=ten_on_cifar10,
    about="instrument",
    published=[
        {
            "setting": "cifar10",
            "what": "deep rho by the published audit",
            "published": 0.080,
            "side": "a",
            "assertion": 1,
        }
    ],
    source=source,
)
its_control_says_by_how_much = fe.Claim(
    "What the published audit loses of penalised rho is what its own control loses",
    read_again(penalised),
    family="rounding",
    expect={"teacher": "invalid:undefined", "cifar10": "supported"},
    seeds=ten_on_cifar10,
    about="instrument",
    note=(
        "So that the figure, divided by the control on the same checkpoint, would have been right."
        " On teacher this arm has next to no rho, of either sign: there is no share of it to be"
        " lost."
    ),
    source=source,
)
its_control_says_by_how_much_in_standard_dfa = fe.Claim(
    "What the published audit loses of rho in penalised standard DFA is what its own control loses",
    read_again(standard.but(penalty=1e-2)),
    family="rounding",
    expect={"teacher": "supported", "digits": "supported", "cifar10": "supported"},
    seeds=ten_on_cifar10,
    about="instrument",
    tags=("extended",),
)
the_published_audit_is_half_blind_after_one_epoch = fe.Claim(
    "After one epoch of vanilla DFA, where the published zero was read, the audit keeps less than"
    " half of the true gradient",
    fe.below(
        fe.metric("published.control_true", vanilla, layers=fe.deep, epoch=1),
        0.5,
        by=fe.Margin(0.0, "half or not: a bound, with nothing smaller that would count"),
        anticipated=0.1,
    ),
    family="rounding",
    expect={"teacher": "refuted", "digits": "refuted"},
    seeds=ten_on_cifar10,
    about="instrument",
    note=(
        "Two pilot seeds on CIFAR-10 read 0.48 and 0.34, rounded off: too near to the bound to"
        " expect a verdict."
    ),
    source=source,
)
its_zero_was_right_all_the_same = fe.Claim(
    "After one epoch of vanilla DFA deep rho is zero in float64 too",
    fe.equivalent(
        fe.rho(vanilla, epoch=1),
        within=fe.Margin(0.03, "a fifth of the published rise in deep cosine, 0.15"),
    ),
    family="rounding",
    expect={"digits": "supported", "cifar10": "supported"},
    seeds=ten_on_cifar10,
    published=[
        {
            "setting": "cifar10",
            "what": "deep rho by the published audit",
            "published": -0.003,
            "spread": 0.005,
            "side": "a",
        }
    ],
    source=source,
)

"""Claims: what is asserted, whether the design can tell, how it was registered, and the verdict."""

from faeval.claims._arm_names import as_claimed as as_claimed
from faeval.claims._assertion import (
    Assertion as Assertion,
    Margin as Margin,
    Ratio as Ratio,
    agree as agree,
    below as below,
    equivalent as equivalent,
    exceeds as exceeds,
    not_above as not_above,
    not_below as not_below,
    spread as spread,
)
from faeval.claims._claim import Claim as Claim, with_gates as with_gates
from faeval.claims._contrast_spec import (
    ContrastSpec as ContrastSpec,
    contrast_specs as contrast_specs,
    structure_of as structure_of,
)
from faeval.claims._counts import (
    Count as Count,
    any_of as any_of,
    at_least as at_least,
    share_of_seeds as share_of_seeds,
)
from faeval.claims._decide import decide as decide, decide_as_read as decide_as_read
from faeval.claims._design import (
    Design as Design,
    Problem as Problem,
    attribution as attribution,
    check_design as check_design,
    check_names as check_names,
    design_checks as design_checks,
    design_of as design_of,
)
from faeval.claims._estimand import (
    Estimand as Estimand,
    Read as Read,
    accuracy as accuracy,
    cosine as cosine,
    credit_norm as credit_norm,
    deep as deep,
    depth_ladder as depth_ladder,
    depth_utility as depth_utility,
    direction_stability as direction_stability,
    embedding as embedding,
    gradient_norm as gradient_norm,
    growth as growth,
    log10 as log10,
    mean as mean,
    metric as metric,
    norm_ratio as norm_ratio,
    nudge as nudge,
    rho as rho,
    state_norm as state_norm,
    test_loss as test_loss,
    train_loss as train_loss,
)
from faeval.claims._evidence_index import EvidenceIndex as EvidenceIndex
from faeval.claims._load import load as load
from faeval.claims._lock import (
    LOOKED_AT as LOOKED_AT,
    PILOT_SEEDS as PILOT_SEEDS,
    Entry as Entry,
    Lock as Lock,
    Origins as Origins,
    Registered as Registered,
    Spread as Spread,
    draw as draw,
)
from faeval.claims._lock_file import (
    NAME as NAME,
    find_lock as find_lock,
    make_lock as make_lock,
    parse_lock as parse_lock,
    read_lock as read_lock,
    write_lock as write_lock,
)
from faeval.claims._made_from import numbers_digest as numbers_digest
from faeval.claims._measurement import (
    Measurement as Measurement,
    measured_contrasts as measured_contrasts,
)
from faeval.claims._pending import same_expectation as same_expectation, seeds_for as seeds_for
from faeval.claims._pilot import (
    PilotForecast as PilotForecast,
    pilot_forecasts as pilot_forecasts,
    pilot_spreads as pilot_spreads,
    power_of as power_of,
    rate_of_second_side as rate_of_second_side,
    seen_effect as seen_effect,
    unlike_expectation as unlike_expectation,
    weak_together as weak_together,
)
from faeval.claims._seed_plan import Drawn as Drawn, seed_list as seed_list
from faeval.claims._session import settled as settled
from faeval.claims._summaries import (
    area as area,
    first as first,
    iqm as iqm,
    max as max,
    median as median,
    min as min,
    share_above as share_above,
    slope as slope,
    trend as trend,
)
from faeval.claims._verdict import (
    REASONS as REASONS,
    REGISTRATIONS as REGISTRATIONS,
    WORDS as WORDS,
    AssertionResult as AssertionResult,
    Caution as Caution,
    CountResult as CountResult,
    MeasuredError as MeasuredError,
    RatioResult as RatioResult,
    Side as Side,
    Sum as Sum,
    Term as Term,
    Verdict as Verdict,
)

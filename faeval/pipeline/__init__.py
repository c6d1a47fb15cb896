"""The pipeline, which connects campaign, claims and reports.

It is the only room that knows all three; ``_verify.py`` has the main path.
"""

from faeval.pipeline._accept_code import (
    Explanation as Explanation,
    accept as accept,
    explain as explain,
)
from faeval.pipeline._check import Check as Check, check as check
from faeval.pipeline._claims_file import (
    claims_source as claims_source,
    starting_source as starting_source,
)
from faeval.pipeline._compare import (
    Comparison as Comparison,
    answer as answer,
    compare as compare,
)
from faeval.pipeline._outlook import (
    AssertionOutlook as AssertionOutlook,
    ClaimOutlook as ClaimOutlook,
    PlanReport as PlanReport,
    outlook as outlook,
)
from faeval.pipeline._provenance import with_provenance as with_provenance
from faeval.pipeline._published import (
    PUBLISHED as PUBLISHED,
    Published as Published,
    published as published,
)
from faeval.pipeline._question import Question as Question, readings_of as readings_of
from faeval.pipeline._redecide import (
    Earlier as Earlier,
    against as against,
    check_unmoved as check_unmoved,
    decide_again as decide_again,
    earlier_reports as earlier_reports,
    render as render,
    report_folders as report_folders,
)
from faeval.pipeline._register import (
    LockCheck as LockCheck,
    check_lock as check_lock,
    register as register,
)
from faeval.pipeline._select import (
    DEFAULT_SETTING as DEFAULT_SETTING,
    STORE as STORE,
    Given as Given,
    Selection as Selection,
    needs as needs,
    select as select,
)
from faeval.pipeline._verify import publish as publish, verify as verify

"""The pipeline, which connects campaign, claims and reports.

It is the only room that knows all three; ``_verify.py`` has the main path.
"""

from faeval.pipeline._accept_code import Explanation as Explanation
from faeval.pipeline._accept_code import accept as accept
from faeval.pipeline._accept_code import explain as explain
from faeval.pipeline._check import Check as Check
from faeval.pipeline._check import check as check
from faeval.pipeline._outlook import AssertionOutlook as AssertionOutlook
from faeval.pipeline._outlook import ClaimOutlook as ClaimOutlook
from faeval.pipeline._outlook import PlanReport as PlanReport
from faeval.pipeline._outlook import outlook as outlook
from faeval.pipeline._provenance import with_provenance as with_provenance
from faeval.pipeline._published import PUBLISHED as PUBLISHED
from faeval.pipeline._published import Published as Published
from faeval.pipeline._published import published as published
from faeval.pipeline._redecide import Earlier as Earlier
from faeval.pipeline._redecide import against as against
from faeval.pipeline._redecide import check_unmoved as check_unmoved
from faeval.pipeline._redecide import decide_again as decide_again
from faeval.pipeline._redecide import earlier_reports as earlier_reports
from faeval.pipeline._redecide import render as render
from faeval.pipeline._redecide import report_folders as report_folders
from faeval.pipeline._register import LockCheck as LockCheck
from faeval.pipeline._register import check_lock as check_lock
from faeval.pipeline._register import register as register
from faeval.pipeline._select import DEFAULT_SETTING as DEFAULT_SETTING
from faeval.pipeline._select import STORE as STORE
from faeval.pipeline._select import Given as Given
from faeval.pipeline._select import Selection as Selection
from faeval.pipeline._select import needs as needs
from faeval.pipeline._select import select as select
from faeval.pipeline._verify import publish as publish
from faeval.pipeline._verify import verify as verify

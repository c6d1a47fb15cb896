"""Records: what is kept of a training and of an audit, read back from disk and verified."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    ValidationError,
)

from faeval.errors import EvidenceError, FaevalError, Tampered

#: Raised when the shape of a record changes; what it was before then gets an entry in MIGRATIONS.
SCHEMA = 1
#: For each older schema that can still be read: what makes the next one of its fields. There is
#: none older than 1.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def canonical_json(value: Any) -> str:
    """Return the one spelling of a JSON value: sorted names, no blanks, shortest floats."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _number_in(value: Any) -> Any:
    return math.nan if value is None else value


def _number_out(value: float) -> float | str | None:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)  # JSON has no spelling for these


Number = Annotated[
    float, BeforeValidator(_number_in), PlainSerializer(_number_out, when_used="json")
]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
#: A number of a run, without what the record says once: metric, epoch, layer, value, status.
Row: TypeAlias = tuple[str, int | None, int | None, Number, str]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Checkpoint(_Frozen):
    """A checkpoint kept beside a training's record: the name of its file, and the file's digest."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    sha256: Digest


class ReachedCode(_Frozen):
    """The user's code that a stage reached: its digest, one of each part, what has none."""

    sha256: Digest
    parts: dict[str, str]
    undigested: tuple[str, ...] = ()


class Record(_Frozen):
    """What trainings and audits both record: which run, where it comes from, the numbers."""

    kind: ClassVar[str]

    schema_version: int = SCHEMA
    setting: str
    arm: str
    factors: dict[str, str | int | float | bool | None]
    seed: int = Field(ge=0)
    key: Digest
    config: dict[str, JsonValue] = {}
    dataset: str | None = None
    device: str = "cpu"
    threads: int = 1
    revisions: dict[str, str] = {}
    code: dict[str, ReachedCode] = {}
    versions: dict[str, str] = {}
    commit: str | None = None
    dirty: bool | None = None
    lock: str | None = None
    started: str
    seconds: float = Field(ge=0)
    peak_memory_mb: float | None = None
    weights: Digest | None = None
    rows: tuple[Row, ...] = ()
    notes: dict[str, JsonValue] = {}

    @property
    def run(self) -> str:
        """The run as evidence names it: by its weights if there are any, else by its cache key."""
        return f"sha256:{self.weights[:16]}" if self.weights else f"key:{self.key[:16]}"

    def to_bytes(self) -> bytes:
        """The record as it is kept: one line of canonical JSON that holds its own digest."""
        content = {"record": self.kind, **self.model_dump(mode="json")}
        if not self.code:  # a record of ours, or of before there was one
            del content["code"]
        return (canonical_json({**content, "sha256": _digest(content)}) + "\n").encode()


class TrainingRecord(Record):
    """A training: checkpoints, hashes of what it started from, and where it diverged."""

    kind: ClassVar[str] = "training"

    checkpoints: dict[int, Checkpoint] = {}
    hashes: dict[str, str] = {}
    diverged: int | None = None


class AuditRecord(Record):
    """One audit of a run, under its own key."""

    kind: ClassVar[str] = "audit"

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")]
    audit_key: Digest


_R = TypeVar("_R", bound=Record)


def parse(content: bytes, kind: type[_R], source: str) -> _R:
    """Read a record back.

    Raises
    ------
    Tampered
        The content is not what was written: cut off, altered, or no record of this kind.
    EvidenceError
        It is whole, but of a schema that this version of faeval neither reads nor migrates.
    """
    try:
        fields = json.loads(content)
        checksum = fields.pop("sha256")
        matches = checksum == _digest(fields) and fields.pop("record") == kind.kind
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        matches = False
    if not matches:
        raise Tampered(
            f"{source}: does not match its own checksum; it was altered or cut off after it was"
            " written. Move it away, and the run will be done again."
        )
    return new_record(kind, _migrated(fields, source), source)


def _migrated(fields: dict[str, Any], source: str) -> dict[str, Any]:
    """Return the fields of an older record in today's shape, or say why that cannot be."""
    version = fields.get("schema_version")
    problem = f"{source}: is a record of schema {version!r}; this faeval reads schema {SCHEMA}"
    if not isinstance(version, int) or isinstance(version, bool):
        raise EvidenceError(
            f"{source}: does not say its schema (schema_version is {version!r}), so it cannot be"
            " read."
        )
    if version > SCHEMA:
        raise EvidenceError(
            f"{problem}. It was written by a newer faeval: read it with that one, or use another"
            " store."
        )
    for schema in range(version, SCHEMA):
        if schema not in MIGRATIONS:
            raise EvidenceError(
                f"{problem}, and cannot migrate it. Read it with the version that wrote it."
            )
        fields = {**MIGRATIONS[schema](fields), "schema_version": schema + 1}
    return fields


def new_record(kind: type[_R], fields: dict[str, Any], source: str) -> _R:
    """Make a record; raise FaevalError that names the first field that does not fit."""
    try:
        return kind(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise FaevalError(
            f"{source}: {where}={str(first['input'])[:60]!r} ({type(first['input']).__name__})"
            f" cannot be recorded: {first['msg']}."
        ) from None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()

"""Evidence as Parquet, with a checksum of the whole file; needs ``faeval[data]``."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faeval._extras import extra
from faeval._whole_files import replace_file
from faeval.errors import EvidenceError
from faeval.evidence._cells import LONGEST_CELL
from faeval.evidence._endings import is_state
from faeval.evidence._table import (
    COLUMNS,
    CutOff,
    check_columns,
    column_of,
    in_order,
    normalise,
    row_of,
    too_many,
)

if TYPE_CHECKING:
    import pandas as pd

_SEAL = b"faeval sha256 "
_USUAL_CELL = 1000  # bytes, on average over a column


def write_parquet(table: pd.DataFrame, path: str | Path) -> None:
    """Write the table, sorted by key, as Parquet. Needs ``faeval[data]``.

    The bytes are the same for one version of pyarrow.

    Pages carry their checksums, which any reader may verify; a digest of the whole file stands
    before its footer, where no other reader looks.
    """
    arrow, parquet = _pyarrow(Path(path))
    kinds = {
        "seed": arrow.int64(),
        "epoch": arrow.int64(),
        "layer": arrow.int64(),
        "value": arrow.float64(),
    }
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in COLUMNS])
    packed = arrow.Table.from_pandas(
        in_order(normalise(table, "the table", row_of)), schema=schema, preserve_index=False
    )
    buffer = io.BytesIO()
    parquet.write_table(
        packed.replace_schema_metadata(None), buffer, compression="zstd", write_page_checksum=True
    )
    content = buffer.getvalue()
    at = _footer(content)
    replace_file(Path(path), content[:at], _SEAL, hashlib.sha256(content).digest(), content[at:])


def _footer(content: bytes) -> int:
    """Where the footer of a Parquet file begins, by the length that stands behind it."""
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def _check_seal(content: bytes, path: Path) -> None:
    """Raise CutOff where a file of ours is not as written: damage can change numbers silently."""
    at = _footer(content)
    begin = at - len(_SEAL) - 32
    if begin < 0 or not content[begin:at].startswith(_SEAL):
        return
    whole = hashlib.sha256(memoryview(content)[:begin])
    whole.update(memoryview(content)[at:])
    if whole.digest() != content[at - 32 : at]:
        raise CutOff(
            f"{path}: does not match its own checksum; it was altered or cut off after it was"
            " written. Restore it."
        )


def read_parquet(path: Path, most: int) -> pd.DataFrame:
    table = parquet_cells(path, most, lambda header: check_columns(header, str(path)), only=COLUMNS)
    return normalise(table, str(path), row_of)


def parquet_cells(
    path: Path,
    most: int,
    check_header: Callable[[list[str]], None],
    only: Sequence[str] | None = None,
) -> pd.DataFrame:
    return parquet_content(path.read_bytes(), path, most, check_header, only)


def parquet_content(
    content: bytes,
    path: Path,
    most: int,
    check_header: Callable[[list[str]], None] = lambda _: None,
    only: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read what a Parquet file holds, as it stands."""
    import pandas as pd

    arrow, parquet = _pyarrow(path)
    _check_seal(content, path)
    buffer = io.BytesIO(content)
    try:
        head = parquet.ParquetFile(buffer)
        schema = head.schema_arrow
        names = list(schema.names)
        check_header(names)
        columns = (
            names
            if only is None
            else [name for name in names if column_of(name) in only or is_state(name)]
        )
        _check_size(path, head.metadata, most)
        text = [
            name
            for name in columns
            if names.count(name) == 1 and schema.field(name).type == arrow.string()
        ]
        # A name a million times is kept once.
        file = parquet.ParquetFile(buffer, read_dictionary=text, page_checksum_verification=True)
        cells = file.read(columns=columns)
        # Else a column with gaps would be floats, and large numbers change.
        whole = {arrow.int64(): pd.Int64Dtype()}
        # What another program wrote of pandas is not to be read.
        plain = cells.replace_schema_metadata(None)
        table: pd.DataFrame = plain.to_pandas(types_mapper=whole.get)
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        kind = CutOff if content.startswith(b"PAR1") else EvidenceError
        raise kind(f"{path}: is no readable Parquet file ({str(error).splitlines()[0]}).") from None
    return table


def _check_size(path: Path, metadata: Any, most: int) -> None:
    """Raise EvidenceError where a file says that it holds too much, before it is expanded."""
    # Columns are not asked one by one: where what a file says of one is damaged, pyarrow ends the
    # process there.
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    if max(metadata.num_rows, sum(group.num_rows for group in groups)) > most:
        raise EvidenceError(too_many(path, most))
    if any(
        g.total_byte_size > metadata.num_columns * (LONGEST_CELL + _USUAL_CELL * g.num_rows)
        for g in groups
    ):
        raise EvidenceError(
            f"{path}: holds a cell of more than {LONGEST_CELL >> 20} MB; leave its column away."
        )


def _pyarrow(path: Path) -> tuple[Any, Any]:
    with extra("data", f"{path}: Parquet (CSV does not)"):
        import pyarrow
        import pyarrow.parquet
    return pyarrow, pyarrow.parquet

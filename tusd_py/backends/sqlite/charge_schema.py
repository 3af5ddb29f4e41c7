"""The columns, tables and triggers for names, chosen keys, charges and grants in the SQLite file.

Triggers keep the sums of each account's charges in the table `usage`, and the number and sum of all claims in the table
`unfinished`. The column `counted` of an upload is the revision whose charge and claim its other columns have: where it
isn't the record's, a process of an earlier version has saved the record, and a trigger reads charge and claim from the
document. The account of a partial upload is '' once a final one has taken over its charge. A grant's `expires_at` is
the time from which on its row may be deleted.
"""

from __future__ import annotations

import sqlite3

from tusd_py.domain.phase import UNFINISHED, Phase
from tusd_py.domain.upload import LARGEST_CLAIM

_COLUMNS = {
    "name": "TEXT",
    "account": "TEXT",
    "stored": "INTEGER NOT NULL DEFAULT 0",
    "reserved": "INTEGER",
    "claim": "INTEGER",
    "counted": "INTEGER",
}
_NEW_CHARGE = """
    INSERT INTO usage (account, stored, reserved, uploads)
    SELECT new.account, new.stored, coalesce(new.reserved, 0), new.reserved IS NOT NULL
    WHERE new.account <> '' AND (new.stored > 0 OR new.reserved IS NOT NULL)
    ON CONFLICT (account) DO UPDATE SET
      stored = stored + excluded.stored, reserved = reserved + excluded.reserved, uploads = uploads + excluded.uploads;
"""
_OLD_CHARGE = """
    UPDATE usage SET
      stored = stored - old.stored,
      reserved = reserved - coalesce(old.reserved, 0),
      uploads = uploads - (old.reserved IS NOT NULL)
    WHERE account = old.account;
"""
_EMPTY = "DELETE FROM usage WHERE account = old.account AND stored = 0 AND reserved = 0 AND uploads = 0;"


def _of_document(name: str) -> str:
    return f"json_extract(document, '$.{name}')"


def _in_phase(*phases: Phase) -> str:
    return f"{_of_document('phase')} IN ({', '.join(map(repr, map(str, phases)))})"


_BYTES = f"coalesce({_of_document('length')}, {_of_document('offset')})"
_RESERVED = f"max({_BYTES}, coalesce({_of_document('reserved')}, 0))"
_UNFINISHED = _in_phase(*sorted(UNFINISHED))
_COUNTED = {
    "account": f"coalesce(account, {_of_document('account')}, {_of_document('owner')}, '-')",
    "stored": f"CASE WHEN {_in_phase(Phase.DONE)} THEN min({_of_document('offset')}, {LARGEST_CLAIM}) ELSE 0 END",
    "reserved": f"CASE WHEN {_UNFINISHED} THEN min({_RESERVED}, {LARGEST_CLAIM}) END",
    "claim": f"CASE WHEN {_UNFINISHED} THEN min({_BYTES}, {LARGEST_CLAIM}) END",
    "counted": "revision",
}
"""The SQL expression of each column, for the row of an upload: `stored`, `reserved` and `claim` from the document, like
`domain.usage.charge_of` and `Upload.claim`; the account that the row has, or else the document's account or owner, or
`-`; and the row's revision."""
_COUNT = f"UPDATE uploads SET {', '.join(f'{column} = {value}' for column, value in _COUNTED.items())}"  # noqa: S608
_WRONG = " OR ".join(f"{column} IS NOT {value}" for column, value in _COUNTED.items())
MIGRATION = (
    """
    CREATE TABLE IF NOT EXISTS usage (
      account TEXT PRIMARY KEY, stored INTEGER NOT NULL, reserved INTEGER NOT NULL, uploads INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE TABLE IF NOT EXISTS grants (jti TEXT PRIMARY KEY, uses INTEGER NOT NULL, expires_at REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS grants_by_expiry ON grants (expires_at)",
    "CREATE UNIQUE INDEX IF NOT EXISTS uploads_by_name ON uploads (name) WHERE name IS NOT NULL",
    """
    CREATE TABLE IF NOT EXISTS chosen_keys (
      key TEXT PRIMARY KEY, upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS chosen_keys_by_upload ON chosen_keys (upload_id)",
    *(f"DROP TRIGGER IF EXISTS count_{change}" for change in ("created", "saved", "deleted")),
    f"CREATE TRIGGER IF NOT EXISTS charge_created AFTER INSERT ON uploads BEGIN {_NEW_CHARGE} END",
    f"""
    CREATE TRIGGER IF NOT EXISTS charge_saved AFTER UPDATE OF account, stored, reserved ON uploads
    WHEN old.stored IS NOT new.stored OR old.reserved IS NOT new.reserved OR old.account IS NOT new.account
    BEGIN {_OLD_CHARGE} {_NEW_CHARGE} {_EMPTY} END
    """,
    f"CREATE TRIGGER IF NOT EXISTS charge_deleted AFTER DELETE ON uploads BEGIN {_OLD_CHARGE} {_EMPTY} END",
    """
    CREATE TRIGGER IF NOT EXISTS claim_created AFTER INSERT ON uploads WHEN new.claim IS NOT NULL BEGIN
      UPDATE unfinished SET uploads = uploads + 1, claimed = claimed + new.claim;
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS claim_saved AFTER UPDATE OF claim ON uploads WHEN old.claim IS NOT new.claim BEGIN
      UPDATE unfinished SET
        uploads = uploads - (old.claim IS NOT NULL) + (new.claim IS NOT NULL),
        claimed = claimed - coalesce(old.claim, 0) + coalesce(new.claim, 0);
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS claim_deleted AFTER DELETE ON uploads WHEN old.claim IS NOT NULL BEGIN
      UPDATE unfinished SET uploads = uploads - 1, claimed = claimed - old.claim;
    END
    """,
    """
    UPDATE unfinished SET (uploads, claimed) = (SELECT count(claim), CAST(total(claim) AS INTEGER) FROM uploads)
    """,
    f"{_COUNT} WHERE counted IS NOT revision",
    f"""
    CREATE TRIGGER IF NOT EXISTS older_created AFTER INSERT ON uploads WHEN new.counted IS NOT new.revision
    BEGIN {_COUNT} WHERE id = new.id; END
    """,
    f"""
    CREATE TRIGGER IF NOT EXISTS older_saved AFTER UPDATE OF document ON uploads
    WHEN new.counted IS NOT new.revision BEGIN {_COUNT} WHERE id = new.id; END
    """,
)
"""The statements of the migration that are executed after `add_columns`. They are safe to repeat: a process of an
earlier version writes its own version into the file, and then the migration runs again."""

RECOUNT = f"{_COUNT} WHERE id > ? AND id <= ? AND ({_WRONG})"
"""The statement that counts again the uploads after one id, up to another, that were counted wrongly."""


def add_columns(connection: sqlite3.Connection) -> None:
    """Add those of the columns for charges and names that the table of uploads lacks."""
    present = {name for _, name, *_ in connection.execute("PRAGMA table_info(uploads)")}
    for name in _COLUMNS.keys() - present:
        connection.execute(f"ALTER TABLE uploads ADD COLUMN {name} {_COLUMNS[name]}")

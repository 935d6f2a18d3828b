"""What each engine needs beside the table; run by migrations 0002 and 0004. A later change of the table must make it anew."""

# Without the places of the words, which nothing asks for: what finds thousands reads thousands of these rows. Databases made
# before 30 November 2026 keep the places; they find the same.
POSTGRESQL_CREATE = [
    """
    ALTER TABLE search_searchdocument ADD COLUMN words tsvector GENERATED ALWAYS AS (
        strip(to_tsvector('simple', title || ' ' || body))
    ) STORED
    """,
    "CREATE INDEX search_words ON search_searchdocument USING gin (words)",
]
POSTGRESQL_DROP = ["ALTER TABLE search_searchdocument DROP COLUMN words"]

# An index for each resource of which there are many: what finds words in one for all reads, beside the matches, every key of
# the resource asked for (measured with 100,000 offerings: 24 of 101 ms).
MANY = ("offering", "training_request", "training_request_summary")
_OF_MANY = ", ".join(f"'{resource}'" for resource in MANY)
_CONDITIONS = {**{name: f"= '{name}'" for name in MANY}, "others": f"NOT IN ({_OF_MANY})"}
_INDEX = "CREATE INDEX CONCURRENTLY {} ON search_searchdocument USING gin (words)"
_DROP = (
    "DROP INDEX CONCURRENTLY IF EXISTS {}"  # also before an index is built: what broke off left one behind that is void
)
POSTGRESQL_BY_RESOURCE = [
    *(_DROP.format(f"search_words_{name}") for name in _CONDITIONS),
    *(f"{_INDEX.format(f'search_words_{name}')} WHERE resource {which}" for name, which in _CONDITIONS.items()),
    _DROP.format("search_words"),
]
POSTGRESQL_FOR_ALL = [
    _DROP.format("search_words"),
    _INDEX.format("search_words"),
    *(_DROP.format(f"search_words_{name}") for name in _CONDITIONS),
]

# An external-content FTS5 table, kept in step by triggers (SQLite documentation, FTS5, 4.4.3).
INSERT = "INSERT INTO search_words(rowid, title, body) VALUES (new.id, new.title, new.body);"
DELETE = "INSERT INTO search_words(search_words, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);"
SQLITE_CREATE = [
    """
    CREATE VIRTUAL TABLE search_words USING fts5(
        title, body, content='search_searchdocument', content_rowid='id', tokenize='unicode61'
    )
    """,
    f"CREATE TRIGGER search_words_insert AFTER INSERT ON search_searchdocument BEGIN {INSERT} END",
    f"CREATE TRIGGER search_words_delete AFTER DELETE ON search_searchdocument BEGIN {DELETE} END",
    f"CREATE TRIGGER search_words_update AFTER UPDATE ON search_searchdocument BEGIN {DELETE} {INSERT} END",
    "INSERT INTO search_words(search_words) VALUES ('rebuild')",
]
SQLITE_DROP = [
    "DROP TRIGGER search_words_update",
    "DROP TRIGGER search_words_delete",
    "DROP TRIGGER search_words_insert",
    "DROP TABLE search_words",
]

CREATE = {"postgresql": POSTGRESQL_CREATE, "sqlite": SQLITE_CREATE}
DROP = {"postgresql": POSTGRESQL_DROP, "sqlite": SQLITE_DROP}

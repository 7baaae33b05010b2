"""What read-only Cypher may say: functions and procedures, and why a clause is not among them."""

from collections.abc import Mapping, Sequence

from weft.inventory.neo4j.cypher.extents import MOST_COLLECTED, ONE, SOME, UNKNOWN, Extent, widest

CLAUSES = ("MATCH", "OPTIONAL", "WITH", "UNWIND", "RETURN", "CALL", "ORDER", "SKIP", "OFFSET", "LIMIT")
"""What a part of a query begins with."""

_WRITES = "it writes, and queries only read here"
_MANAGES = "it manages the server"
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        ("CREATE", "INSERT", "MERGE", "SET", "DELETE", "DETACH", "NODETACH", "REMOVE", "FOREACH", "DROP"), _WRITES
    ),
    **dict.fromkeys(
        (
            "SHOW", "TERMINATE", "ALTER", "GRANT", "REVOKE", "DENY", "START", "STOP", "RENAME", "ENABLE", "DEALLOCATE",
            "REALLOCATE", "DRYRUN",
        ),
        _MANAGES,
    ),
    "LOAD": "it lets the server read files and addresses",
    "USE": "the database is the one of neo4j.database",
    "USING": "how the query is planned is the server's choice",
    "FINISH": "a query without rows asks nothing",
    **dict.fromkeys(("EXPLAIN", "PROFILE", "CYPHER"), "queries run as the server would by itself"),
}  # fmt: skip
"""Word -> why nothing may begin with it."""

PROCEDURES = frozenset(
    {
        "db.labels", "db.relationshiptypes", "db.propertykeys", "db.schema.visualization",
        "db.schema.nodetypeproperties", "db.schema.reltypeproperties", "db.ping",
    }
)  # fmt: skip
"""What may be called, in lower case: what the graph is made of. None of these changes or reveals anything else."""

_NUMBERS = (
    "abs acos asin atan atan2 avg ceil cos cot count degrees e exp floor haversin id isnan log log10 percentilecont "
    "percentiledisc pi radians rand round sign sin sqrt stdev stdevp sum tan timestamp tointeger tointegerornull "
    "tofloat tofloatornull toboolean tobooleanornull exists isempty startnode endnode randomuuid elementid type "
    "valuetype point point.distance point.withinbbox "
    "duration duration.between duration.indays duration.inmonths duration.inseconds "
    "date date.realtime date.statement date.transaction date.truncate "
    "datetime datetime.fromepoch datetime.fromepochmillis datetime.realtime datetime.statement datetime.transaction "
    "datetime.truncate localdatetime localdatetime.realtime localdatetime.statement localdatetime.transaction "
    "localdatetime.truncate localtime localtime.realtime localtime.statement localtime.transaction localtime.truncate "
    "time time.realtime time.statement time.transaction time.truncate"
).split()
_SIZES = ("size", "length", "char_length", "character_length")
_OF_THEM = ("coalesce", "nullif", "max", "min", "reverse", "tail", "trim", "btrim", "ltrim", "rtrim", "left", "right")
_ITEMS = ("head", "last")
_PARTS = (
    "keys", "labels", "nodes", "relationships", "properties", "split", "substring", "tobooleanlist", "tofloatlist",
    "tointegerlist", "tostring", "tostringlist", "tostringornull",
)  # fmt: skip
_GROWTH = {"lower": 3, "tolower": 3, "upper": 3, "toupper": 3, "normalize": 18}
"""Into how many characters one can turn (Unicode: U+0390 in capitals has three, U+FDFA in NFKC eighteen)."""

FUNCTIONS = frozenset((*_NUMBERS, *_SIZES, *_OF_THEM, *_ITEMS, *_PARTS, *_GROWTH, "collect", "range", "replace"))
"""What may be called in an expression, in lower case."""


def answer_of(function: str, arguments: Sequence[Extent]) -> Extent:
    """How large the answer of a function can be; of `range`: with numbers of known size only, else it is 0 long."""
    first = arguments[0] if arguments else ONE
    whole = sum(one.total for one in arguments)
    if function in _NUMBERS:
        return ONE
    if function in _SIZES:
        return Extent(most=max(first.length, UNKNOWN))
    if function in _OF_THEM:
        return widest(arguments)
    if function in _ITEMS:
        return first.item
    if function in _GROWTH:
        return Extent(first.total * _GROWTH[function])
    if function == "collect":
        return Extent(MOST_COLLECTED, first.total)
    if function == "replace":
        return Extent((first.total + 1) * (arguments[-1].total + 1))
    if function == "range":
        ends = [one.most for one in arguments[:2]]
        if None in ends:
            return Extent(0)
        return Extent(1 + sum(end or 0 for end in ends), 1, max((end or 0 for end in ends), default=0))
    return Extent(max(SOME.length, whole))

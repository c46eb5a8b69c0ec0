"""What is remembered of targets while they are away: functions of a Connection."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from agent.wire.machine import NOTHING, Machine, machine_of
from agent.wire.parameter import Kind, Parameter, RecipeInfo
from agent.wire.vocabulary import token
from bot.store import schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A target as it was last."""

    jid: str
    epoch: str = ""
    boot: str = ""
    digest: str = ""
    recipes: tuple[RecipeInfo, ...] | None = None
    machine: Machine = NOTHING


def store_id(db: Connection) -> str:
    """The random id of this database: made with it, and lost with it."""
    value = db.scalar(select(schema.meta.c.value).where(schema.meta.c.key == "store"))
    if value is None:
        value = token(8)
        db.execute(
            insert(schema.meta),
            [{"key": "store", "value": value}, {"key": "version", "value": schema.VERSION}],
        )
    return str(value)


def remembered(db: Connection) -> list[Remembered]:
    """Every target that was ever admitted."""
    return [_target(row) for row in db.execute(select(schema.target).order_by(schema.target.c.jid))]


def one(db: Connection, jid: str) -> Remembered | None:
    """Target *jid*, if it was ever admitted."""
    row = db.execute(select(schema.target).where(schema.target.c.jid == jid)).one_or_none()
    return None if row is None else _target(row)


def remember(db: Connection, target: Remembered) -> None:
    """Write *target*, new or known."""
    db.execute(delete(schema.target).where(schema.target.c.jid == target.jid))
    db.execute(
        insert(schema.target).values(
            jid=target.jid,
            epoch=target.epoch,
            boot=target.boot,
            digest=target.digest,
            recipes=None if target.recipes is None else [_recipe_out(r) for r in target.recipes],
            machine=target.machine.known,
        )
    )


def _target(row: Row[Any]) -> Remembered:
    return Remembered(
        jid=row.jid,
        epoch=row.epoch,
        boot=row.boot,
        digest=row.digest,
        recipes=None if row.recipes is None else tuple(map(_recipe_in, row.recipes)),
        machine=machine_of(row.machine or {}),
    )


def _recipe_out(recipe: RecipeInfo) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "summary": recipe.summary,
        "missing": recipe.missing,
        "takes": recipe.takes,
        "class": recipe.class_,
        "destructive": recipe.destructive,
        "params": {
            name: {
                "kind": str(parameter.kind),
                "default": parameter.default,
                "min": parameter.min,
                "max": parameter.max,
                "choices": list(parameter.choices),
                "help": parameter.help,
            }
            for name, parameter in recipe.params.items()
        },
    }


def _recipe_in(data: dict[str, Any]) -> RecipeInfo:
    params = {
        name: Parameter(
            kind=Kind(told["kind"]),
            default=told["default"],
            min=told["min"],
            max=told["max"],
            choices=tuple(told["choices"]),
            help=told["help"],
        )
        for name, told in data["params"].items()
    }
    return RecipeInfo(
        name=data["name"],
        summary=data["summary"],
        missing=data["missing"],
        takes=data.get("takes", ""),  # not in what an older labroom wrote
        class_=data.get("class", ""),
        destructive=data.get("destructive", False),
        params=params,
    )

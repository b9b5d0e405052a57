"""Which packs serve which recipes: the roles that a recipe needs, and those of them that a pack lacks."""

from __future__ import annotations

from editmill.generators.models.pack import PackSpec
from editmill.manifests.errors import ModelError
from editmill.pipelines.packs import find_pack, pack_names
from editmill.pipelines.recipe import Recipe, load_recipe, recipe_names


def lacking(recipe: Recipe, pack: PackSpec) -> list[str]:
    """Return the roles that a recipe needs and a pack lacks, parts of other roles included.

    Raises:
        ModelError: The pack has another kind of model in one of them.
    """
    used = recipe.family.roles(recipe.asked(pack))
    parts = [part for role in used if role in pack.roles for part in pack.entry(role).parts.values()]
    return [role for role in dict.fromkeys((*used, *parts)) if role not in pack.roles]


def check_roles(recipe: Recipe, pack: PackSpec) -> None:
    """Refuse a pack that lacks roles.

    Raises:
        ModelError: It names all of them, and the packs that serve the recipe.
    """
    missing = lacking(recipe, pack)
    if not missing:
        return
    packs = [find_pack(name) for name in pack_names()]
    serving = ", ".join(other.name for other in packs if not lacking(recipe, other))
    add = f"add them to {pack.name!r} as docs/models.md explains"
    raise ModelError(
        f"the pack {pack.name!r} lacks roles that the recipe {recipe.name!r} needs: {', '.join(missing)}",
        where="--models",
        fix=f"use a pack that has them ({serving}), or {add}" if serving else add,
    )


def served_table() -> list[tuple[str, ...]]:
    """Return a header, and a row per recipe: ok, or what packs lack. Packs that are alike share a column."""
    table = served()
    alike: dict[tuple[str, ...], list[str]] = {}
    for pack in next(iter(table.values())):
        column = tuple(", ".join(packs[pack]) or "ok" for packs in table.values())
        alike.setdefault(column, []).append(pack)
    rows = zip(table, *alike, strict=True)
    return [("recipe", *(", ".join(packs) for packs in alike.values())), *rows]


def served() -> dict[str, dict[str, list[str]]]:
    """Return the roles that packs lack for the recipes that come along, by recipe and pack, by name."""
    packs = {name: find_pack(name) for name in pack_names()}
    recipes = {name: load_recipe(name, allow_code=True) for name in recipe_names()}
    return {name: {pack: lacking(recipe, spec) for pack, spec in packs.items()} for name, recipe in recipes.items()}

"""The check of the import graph finds what it is there to find."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.check_imports import circle, folder_graph, module_graph, strays, violations


def trees(**sources: str) -> dict[str, ast.Module]:
    return {f"editmill.{name.replace('__', '.')}": ast.parse(text) for name, text in sources.items()}


def test_an_import_that_goes_up_is_named() -> None:
    found = violations(trees(manifests__a="from editmill.pipelines.plan import make_plan"))
    assert found == ["editmill.manifests.a: manifests must not import pipelines"]
    assert violations(trees(pipelines__a="from editmill.manifests import Dataset\nimport numpy")) == []


def test_an_import_within_a_function_counts() -> None:
    found = violations(trees(generators__a="def f():\n    import prefect"))
    assert found == ["editmill.generators.a: generators must not import prefect"]


def test_a_circle_is_found_also_through_types_and_functions() -> None:
    modules = module_graph(
        trees(
            manifests__a="if TYPE_CHECKING:\n    from editmill.manifests.b import B",
            manifests__b="def f():\n    from editmill.manifests import c",
            manifests__c="from editmill.manifests.a import A",
        )
    )
    assert set(circle(modules)) == {"editmill.manifests.a", "editmill.manifests.b", "editmill.manifests.c"}
    assert circle(module_graph(trees(manifests__a="import editmill.manifests.b", manifests__b=""))) == []


def test_folders_are_drawn_with_what_they_import() -> None:
    modules = module_graph(
        trees(
            generators__base__a="", generators__text="", generators__text__b="from editmill.generators.base.a import A"
        )
    )
    assert folder_graph(modules)["editmill.generators.text"] == {"editmill.generators.base"}


def test_a_family_is_imported_within_its_own_folders_alone() -> None:
    text = "from editmill.generators.text.settings import X"
    sources = {"generators__text__settings": "", "generators__text__a": text, "evaluators__text__a": ""}
    assert strays(module_graph(trees(**sources))) == []
    for module in ("pipelines__a", "generators__fmr__a", "generators__base__a", "flows__commands__a"):
        found = strays(module_graph(trees(**sources, **{module: text})))
        assert found == [f"editmill.{module.replace('__', '.')}: the family text is imported outside of its folders"]
    assert strays(module_graph(trees(**sources, packs__tabletop__a=text))) == []


def test_plans_load_no_network() -> None:
    """Planning is for laptops and login nodes too; torch alone takes seconds to import.

    Neither does the module of builds: with several workers the networks are theirs alone.
    """
    recipes = ("demo", "imagenet-e", "xmai", "dilution", "watermark", "fmr", "imagenet-g")
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from editmill.flows.cli import main\n"
        f"results = [CliRunner().invoke(main, ['plan', recipe]) for recipe in {recipes}]\n"
        "assert [result.exit_code for result in results] == [0] * len(results), results\n"
        "import editmill.pipelines.build\n"
        "print(*{'torch', 'diffusers', 'transformers', 'prefect'} & sys.modules.keys())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr

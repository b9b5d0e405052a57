"""The procedural tabletop world: shaded objects on textured grounds with exact truth."""

from editmill.packs.tabletop.world.scene import Scene, SceneObject, ScenePlan, make_scene, plan_scene
from editmill.packs.tabletop.world.vocabulary import CLASSES, COLOURS, FINISHES, GROUNDS, SIZES, SPLITS, WORLD_VERSION

__all__ = [
    "CLASSES",
    "COLOURS",
    "FINISHES",
    "GROUNDS",
    "SIZES",
    "SPLITS",
    "WORLD_VERSION",
    "Scene",
    "SceneObject",
    "ScenePlan",
    "make_scene",
    "plan_scene",
]

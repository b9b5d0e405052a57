"""The scenes that guards of attribute edits look at are those of all guards."""

from tests.generators.guards.conftest import *  # noqa: F403

"""What a person sees in Helix, and can do, where something is not installed."""

from pathlib import Path

import pytest

from tests.editors.helix.conftest import Start

pytestmark = [pytest.mark.editor]

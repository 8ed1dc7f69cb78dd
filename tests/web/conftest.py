"""The browser, and the pages that it opens."""

from tests.browser import browser as browser
from tests.faraway import faraway as faraway

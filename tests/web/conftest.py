"""The browser, and the pages it looks at."""

from tests.browser import browser as browser
from tests.faraway import faraway as faraway

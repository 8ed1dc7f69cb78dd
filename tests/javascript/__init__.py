"""Tests of the parts of our JavaScript that need no page: `node --test`, with the Node that comes with Playwright."""

"""Small PNGs: a picture of a page in at most 256 colors, written without a library; the browser decodes it."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

COLOURS = 64
# Half of the palette are the most frequent colours, the other half those that would otherwise be furthest from what
# they become: an icon of a few pixels keeps its colour, and the shades at the edges of letters share theirs.
DECODE = """
async ([data, most]) => {
  const image = new Image();
  image.src = "data:image/png;base64," + data;
  await image.decode();
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const far = ([r, g, b], [x, y, z]) => (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
  const seen = [...counts].sort((a, b) => b[1] - a[1]);
  const palette = seen.slice(0, most / 2).map(([colour]) => colour);
  const known = palette.map(parts);
  const others = seen.slice(most / 2).map(([colour, count]) => {
    const mine = parts(colour);
    return { colour, mine, count, gap: Math.min(...known.map((each) => far(mine, each))) };
  });
  while (palette.length < most && others.length) {
    let next = others[0];
    for (const each of others) if (each.gap * each.count > next.gap * next.count) next = each;
    palette.push(next.colour);
    known.push(next.mine);
    for (const each of others) each.gap = Math.min(each.gap, far(each.mine, next.mine));
  }
  const places = new Map(palette.map((colour, place) => [colour, place]));
  const nearest = (colour) => {
    const mine = parts(colour);
    let best = 0, least = Infinity;
    known.forEach((each, place) => {
      const gap = far(mine, each);
      if (gap < least) [best, least] = [place, gap];
    });
    places.set(colour, best);
    return best;
  };
  const indices = new Uint8Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 1) indices[at] = places.get(pixels[at]) ?? nearest(pixels[at]);
  let text = "";
  for (let at = 0; at < indices.length; at += 32768) text += String.fromCharCode(...indices.subarray(at, at + 32768));
  return { width, height, palette: known, indices: btoa(text) };
}
"""


def smaller(page: Page, png: bytes) -> bytes:
    """The picture with a palette; `page` is any page of the browser, and stays as it is."""
    found: dict[str, Any] = page.evaluate(DECODE, [base64.b64encode(png).decode(), COLOURS])
    return written(found["width"], found["height"], found["palette"], base64.b64decode(found["indices"]))


def written(width: int, height: int, palette: list[list[int]], indices: bytes) -> bytes:
    """A PNG of one byte for each pixel, row by row, which is its place in the palette."""
    rows = b"".join(b"\0" + indices[start : start + width] for start in range(0, width * height, width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = b"".join(bytes(colour) for colour in palette)
    parts = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

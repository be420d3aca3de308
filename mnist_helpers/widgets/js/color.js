// Colors for numbers, each [red, green, blue] from 0 to 255.

/** An amount of ink as a gray: 0 is paper, 1 is black. */
export function ink(amount) {
  return Array(3).fill(Math.round(255 * (1 - Math.min(Math.max(amount, 0), 1))));
}

// ColorBrewer's RdBu, as in the course's figures
const BLUE_TO_RED = "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f"
  .split(" ").map((color) => color.match(/../g).map((part) => parseInt(part, 16)));

/** A share from -1 to 1 by its sign: blue below zero, white at zero, red above. */
export function signedColor(share) {
  const position = 5 + 5 * Math.min(Math.max(share, -1), 1);
  const low = Math.min(Math.floor(position), 9);
  return BLUE_TO_RED[low].map((c, i) => Math.round(c + (position - low) * (BLUE_TO_RED[low + 1][i] - c)));
}

/** Black or white, whichever has a contrast of at least 4.5 to 1 on a color. Luminance is as in WCAG 2.2. */
export function textColor(color) {
  const linear = (share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
  const [red, green, blue] = color.map((part) => linear(part / 255));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

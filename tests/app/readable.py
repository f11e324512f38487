"""Contrast of the text on a page, as WCAG 2 measures it: 4.5 to 1, or 3 to 1 for large letters."""

# what stands on pictures is left out: its ground is not known from styles
_TOO_LOW = """() => {
  const parts = colour => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return colour.startsWith("color(srgb") ? [255 * r, 255 * g, 255 * b, a] : [r, g, b, a];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat([1]);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255).reduce((sum, v, i) =>
    sum + [0.2126, 0.7152, 0.0722][i] * (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4), 0);
  const ground = element => {
    const layers = [];
    for (; element; element = element.parentElement) layers.push(parts(getComputedStyle(element).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const low = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode, element = text.parentElement;
    const visible = {opacityProperty: true, visibilityProperty: true};
    if (!text.data.trim() || element.closest("script, style, .toast-close")) continue;
    if (!element.checkVisibility(visible)) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    let opacity = 1;
    for (let e = element; e; e = e.parentElement) opacity *= getComputedStyle(e).opacity;
    const style = getComputedStyle(element), below = ground(element), colour = parts(style.color);
    colour[3] *= opacity;
    const [light, dark] = [over(colour, below), below].map(luminance).sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) low.push(`${text.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return low;
}"""


def assert_readable(page) -> None:
    """Light and dark, and nothing is wider than the window."""
    page.add_style_tag(
        content="* { transition: none !important }"
    )  # colours on their way are neither the one nor the other
    for dark in (False, True):
        page.evaluate("dark => document.body.classList.toggle('dark', dark)", dark)
        assert page.evaluate(_TOO_LOW) == [], "dark" if dark else "light"
    page.evaluate("document.body.classList.remove('dark')")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

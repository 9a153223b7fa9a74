import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { html, shown, styleElement } from "../../../src/evaluate/html/markup.ts";

describe("html", () => {
  it("escapes what is put into text and into attributes", () => {
    const name = `a"><b>'&\``;
    expect(String(html`<td title="${name}">${name}</td>`)).toBe(
      '<td title="a&quot;&gt;&lt;b&gt;&#39;&amp;&#96;">a&quot;&gt;&lt;b&gt;&#39;&amp;&#96;</td>',
    );
  });

  it("takes markup of its own as it is, lists one after the other, and nothing for null", () => {
    const cells = [1, "<", null].map((part) => html`<i>${part}</i>`);
    expect(String(html`<p>${cells}</p>`)).toBe("<p><i>1</i><i>&lt;</i><i></i></p>");
  });

  it("escapes text that only looks like markup of its own", () => {
    expect(String(html`<p>${String(html`<b></b>`)}</p>`)).toBe("<p>&lt;b&gt;&lt;/b&gt;</p>");
  });

  it.each([
    ["an attribute without quotes", () => html`<td title=${"x"}></td>`],
    ["a place for attributes", () => html`<td ${"onclick=x"}></td>`],
    ["the name of a tag", () => html`<${"script"}></p>`],
    ["an attribute after a quoted one", () => html`<td class="${"a"}" id=${"b"}></td>`],
  ])("throws on a value in %s", (_, make) => {
    expect(make).toThrow("put quotes around");
  });

  it.each([
    ["two values in one attribute", () => html`<td class="${"a"}-x ${"b"}"></td>`, '<td class="a-x b"></td>'],
    ["an equals sign in text", () => html`<p>n = ${3}</p>`, "<p>n = 3</p>"],
    ["text before the first tag", () => html`n = ${3}`, "n = 3"],
  ])("allows %s", (_, make, markup) => {
    expect(String(make())).toBe(markup);
  });

  it("leaves no character that ends a text or an attribute, whatever is put in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const inside = String(html`${text}`);
        expect(inside).not.toMatch(/[<>"'`]/);
        expect(inside.isWellFormed()).toBe(true);
      }),
    );
  });

  it("refuses a style sheet that could end its element", () => {
    expect(() => styleElement("a{}</style>")).toThrow("may not hold");
    expect(String(styleElement("a > b {}"))).toBe("<style>a > b {}</style>");
  });
});

describe("shown", () => {
  it.each([
    ["a\u202eb", "a⟨U+202E⟩b", "bidirectional override"],
    ["a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩", "isolates"],
    ["a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩", "zero width"],
    ["\u{e0041}", "⟨U+E0041⟩", "tag character"],
    ["\u0000\u001b[31m", "⟨U+0000⟩⟨U+001B⟩[31m", "controls"],
    ["\ud800", "⟨U+D800⟩", "lone surrogate"],
    ["\ufffe", "⟨U+FFFE⟩", "noncharacter"],
    ["a\u2028b", "a⟨U+2028⟩b", "line separator"],
    ["a\r\nb\rc\n\td", "a\nb\nc\n\td", "line ends and tabs stay"],
    ["👩‍💻 ❤️ नी‌", "👩‍💻 ❤️ नी‌", "joiners and emoji style stay"],
  ])("%j -> %j (%s: as it is named)", (text, seen) => {
    expect(shown(text)).toBe(seen);
  });
});

/** Tables of what is read: commands, names, functions, units. */

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** A map and no object: "constructor" is a key of every object. */
function pairs(text: string): ReadonlyMap<string, string> {
  return new Map(words(text).map((pair) => pair.split(":") as [string, string]));
}

export const GREEK: ReadonlySet<string> = new Set(
  words(`alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau
    upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi Omega ell`),
);

/** One spelling for each function. */
export const FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ...words(`sin cos tan cot sec csc sinh cosh tanh coth sech csch arcsin arccos arctan arccot arcsec arccsc
    log ln exp abs floor ceil gcd lcm max min sqrt cbrt binom det arg`).map((name) => [name, name] as const),
  ...pairs(`asin:arcsin acos:arccos atan:arctan acot:arccot cosec:csc cosecant:csc tg:tan ctg:cot cotan:cot
      arctg:arctan ceiling:ceil binomial:binom sh:sinh ch:cosh th:tanh
      arcsinh:arcsinh arccosh:arccosh arctanh:arctanh arsinh:arcsinh arcosh:arccosh artanh:arctanh
      asinh:arcsinh acosh:arccosh atanh:arctanh lg:lg lb:lb sgn:sign sign:sign Abs:abs`),
]);

/** Stands before the name of a function of which nothing is known, as in f(x + 1). */
export const UNKNOWN_FUNCTION = "apply ";

/** Functions that read their argument as an angle. */
export const ANGLE_FUNCTIONS: ReadonlySet<string> = new Set(words("sin cos tan cot sec csc"));

/** Commands that stand for one operator or bracket. */
export const COMMAND_MARKS: ReadonlyMap<string, string> = pairs(`
  le:≤ leq:≤ leqslant:≤ leqq:≤ ge:≥ geq:≥ geqslant:≥ geqq:≥ ne:≠ neq:≠ lt:< gt:> equiv:= approx:≈ thickapprox:≈ simeq:≈
  in:∈ cup:∪ bigcup:∪ cap:∩ bigcap:∩ setminus:∖ smallsetminus:∖ backslash:∖ land:and wedge:and lor:or vee:or
  cdot:* times:* ast:* div:/ pm:± mp:∓ ldots:… dots:… cdots:… dotsc:… dotsb:… vdots:… ddots:…
  circ:° degree:° prime:' lfloor:⌊ rfloor:⌋ lceil:⌈ rceil:⌉ lvert:| rvert:| vert:| mid:| lVert:‖ rVert:‖ Vert:‖
  langle:⟨ rangle:⟩ lbrace:{ rbrace:} lbrack:[ rbrack:] lparen:( rparen:) colon::`);

/** Commands without meaning for the value. */
export const IGNORED_COMMANDS: ReadonlySet<string> = new Set(
  words(`left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr middle displaystyle textstyle
    scriptstyle limits nolimits quad qquad enspace thinspace medspace thickspace negthinspace hfill phantom strut
    space normalsize small large Large bf rm it mathstrut`),
);

/** Commands whose group is text. */
export const TEXT_COMMANDS: ReadonlySet<string> = new Set(
  words(`text textbf textit textrm textsf texttt textnormal mbox hbox mathrm mathbf mathit mathsf mathtt boldsymbol bm
    operatorname mathcal mathscr mathfrak emph underline`),
);

/** Commands that put a mark on a name. */
export const ACCENTS: ReadonlySet<string> = new Set(
  words("vec hat bar tilde overline overrightarrow widehat dot ddot angle triangle mathbb"),
);

/** What only a symbolic engine can read. */
export const BIG_OPERATORS: ReadonlySet<string> = new Set(
  words("int iint iiint oint lim limsup liminf sup inf coprod partial nabla"),
);

/** Single characters and what they are read as; the other ASCII characters stand for themselves. */
export const CHARACTERS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "−": "-",
    "–": "-",
    "—": "-",
    "﹣": "-",
    "-": "-",
    "＋": "+",
    "×": "*",
    "⋅": "*",
    "·": "*",
    "∙": "*",
    "•": "*",
    "✕": "*",
    "＊": "*",
    "÷": "/",
    "∕": "/",
    "⁄": "/",
    "／": "/",
    "＝": "=",
    "≦": "≤",
    "≧": "≥",
    "⩽": "≤",
    "⩾": "≥",
    "≈": "≈",
    "≅": "≈",
    "≡": "=",
    "（": "(",
    "）": ")",
    "［": "[",
    "］": "]",
    "｛": "{",
    "｝": "}",
    "，": ",",
    "；": ";",
    "：": ":",
    "∶": ":",
    "〈": "⟨",
    "〉": "⟩",
    "∣": "|",
    "｜": "|",
    "∧": "and",
    "∨": "or",
    "′": "'",
    "’": "'",
    "⋯": "…",
    º: "°",
    "˚": "°",
    "％": "%",
    "＜": "<",
    "＞": ">",
    "∘": "°",
    "‖": "‖",
  }),
);

export const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱˣ";
export const SUPERSCRIPT_MEANING = "0123456789+-nix";
export const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉₊₋ₙₓ";
export const SUBSCRIPT_MEANING = "0123456789+-nx";
export const VULGAR_FRACTIONS: Readonly<Record<string, readonly [number, number]>> = {
  "½": [1, 2],
  "⅓": [1, 3],
  "⅔": [2, 3],
  "¼": [1, 4],
  "¾": [3, 4],
  "⅕": [1, 5],
  "⅖": [2, 5],
  "⅗": [3, 5],
  "⅘": [4, 5],
  "⅙": [1, 6],
  "⅚": [5, 6],
  "⅐": [1, 7],
  "⅛": [1, 8],
  "⅜": [3, 8],
  "⅝": [5, 8],
  "⅞": [7, 8],
  "⅑": [1, 9],
  "⅒": [1, 10],
};

const GREEK_LETTERS = "αβγδεζηθικλμνξρστυφχψωΓΔΘΛΞΣΦΨΩ";
const GREEK_NAMES =
  words(`alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon
  phi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega`);
/** "θ" -> "theta". */
export const GREEK_LETTER_NAMES: ReadonlyMap<string, string> = new Map(
  [...GREEK_LETTERS].map((letter, index) => [letter, GREEK_NAMES[index] ?? letter]),
);

/** Units written in letters behind a value, with more letters than a variable has. */
export const UNIT_NAMES: ReadonlySet<string> = new Set(
  words(`mm cm dm km kg mg ml kWh kPa Pa Hz kHz MHz lb lbs oz ft yd mi hr hrs min mins sec secs mph kph kmh rad deg
    degrees degree radians inches inch feet foot yards yard miles mile meters meter metres metre centimeters
    centimeter kilometers kilometer millimeters grams gram kilograms kilogram liters liter litres seconds second
    minutes minute hours hour days day weeks week months month years year dollars dollar cents cent euros pounds
    units unit square sq cubic percent people students apples points AM PM am pm`),
);

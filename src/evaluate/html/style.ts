/**
 * The page's looks. Blue, yellow and vermilion are told apart by every common kind of colour vision, and unscored is
 * hollow, so that it is none of them in grey print either.
 *
 * What `use` draws is a tree of its own: a selector must not reach from the table into it, but colours are inherited.
 */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fefefd; --ink: #1c1c1a; --quiet: #62625d; --rule: #e2e2dd; --grid: #d2d2cb; --strong: #a9a9a2;
  --accent: #1f5fa8; --correct: #2f74b8; --tie: #e6c84f; --wrong: #c9541c; --none: #d5d5cf;
  --s1: #c9541c; --s2: #62625d; --s3: #0f8a6d; --s4: #9a5ba5; --s5: #b8860b; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #161718; --ink: #e8e8e4; --quiet: #a0a09a; --rule: #303234; --grid: #3f4245; --strong: #6c6e70;
    --accent: #7db4ee; --correct: #5b9fdf; --tie: #d9bd4c; --wrong: #e0703a; --none: #45474a;
    --s1: #e0703a; --s2: #a0a09a; --s3: #4cc3a1; --s4: #c793d1; --s5: #d8ab3f; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
  font-variant-numeric: tabular-nums; }
main { max-width: 66rem; margin: 0 auto; padding: 3.5rem 1.5rem 6rem; }
h1, h2, h3, h4 { line-height: 1.25; font-weight: 600; overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; margin: 0 0 .75rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 4rem 0 1rem; }
h3 { font-size: 1rem; margin: 2rem 0 .5rem; }
h4 { font-size: .85rem; margin: 1rem 0 .25rem; color: var(--quiet); }
p, ul, dl { margin: .75rem 0; max-width: 44rem; }
small, .quiet, .note, .caption, figcaption, nav { color: var(--quiet); }
small { font-size: .8rem; font-weight: 400; }
.note, .caption, summary, figcaption, nav { font-size: .9rem; }
.lede { font-size: 1.1rem; overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: .2em; }
nav { margin: 2rem 0 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.warnings { border-left: 3px solid var(--tie); padding: .1rem 0 .1rem 1rem; margin: 1.5rem 0; overflow-wrap: anywhere; }
.warnings ul { padding-left: 1.1rem; }
.tiles { display: flex; flex-wrap: wrap; gap: 1.75rem 3rem; margin: 2rem 0 0; max-width: none; }
.tiles > div { flex: 0 1 auto; min-width: 9rem; max-width: 20rem; }
.tiles dt { font-weight: 600; overflow-wrap: anywhere; }
.tiles dd { margin: 0; color: var(--quiet); font-size: .9rem; }
.tiles .figure { font-size: 2.4rem; line-height: 1.2; color: var(--accent); letter-spacing: -.02em; }
.wide { overflow-x: auto; margin: 0 0 1rem; }
.wide > table:not(.plotted, .outcomes) { min-width: min(100%, 26rem); }
table { border-collapse: collapse; font-size: .9rem; }
.plotted, .outcomes { width: 100%; }
.caption { margin: 1.25rem 0 .25rem; max-width: none; }
th, td { text-align: left; padding: .35rem 1rem .35rem 0; border-bottom: 1px solid var(--rule); vertical-align: middle; }
th:last-child, td:last-child { padding-right: 0; }
th { font-weight: 400; }
tbody th { min-width: 9rem; max-width: 22rem; overflow-wrap: anywhere; }
thead th { color: var(--quiet); font-size: .8rem; vertical-align: bottom; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; }
td b { font-weight: 600; }
td.number small { display: inline-block; min-width: 5.2rem; margin-left: .5rem; }
tr.group th { max-width: none; font-weight: 600; padding-top: 1.1rem; }
tr.group small { margin-left: .4rem; }
tr.group ~ tr > th { padding-left: 1rem; }
.plot { position: relative; width: 32%; min-width: 11rem; padding: 0 1.25rem 0 .75rem; }
.plot svg { position: absolute; top: 0; left: 1rem; width: calc(100% - 2.5rem); height: 100%; overflow: visible; }
.plot use, .frame line { stroke: var(--grid); stroke-width: 1; shape-rendering: crispEdges; }
.reference { stroke: var(--strong); stroke-dasharray: 3 3; }
.plot .interval { stroke: var(--accent); stroke-width: 2; }
.plot circle { fill: var(--accent); }
svg text { fill: var(--quiet); font-size: 12px; }
.outcomes th:first-child { width: 22%; }
.bar-row { display: block; width: 100%; height: 1rem; overflow: visible; }
.outcomes rect, .legend rect { stroke: var(--paper); stroke-width: 1; }
rect.correct { fill: var(--correct); } rect.tie { fill: var(--tie); } rect.wrong { fill: var(--wrong); }
rect.noPreference { fill: var(--none); }
.outcomes rect.unscored, .legend rect.unscored { fill: var(--paper); stroke: var(--strong); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; padding: 0; font-size: .85rem; color: var(--quiet); }
.legend li { display: flex; align-items: center; gap: .4rem; overflow-wrap: anywhere; }
.key { width: .9rem; height: .9rem; flex: none; overflow: visible; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1rem 2rem; }
.chart { margin: 0 0 1rem; max-width: 36rem; }
.picture { width: 100%; height: auto; display: block; }
.bar { fill: var(--accent); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.stroke-0 { stroke: var(--accent); } .stroke-1 { stroke: var(--s1); stroke-dasharray: 6 3; }
.stroke-2 { stroke: var(--s2); stroke-dasharray: 2 3; } .stroke-3 { stroke: var(--s3); }
.stroke-4 { stroke: var(--s4); stroke-dasharray: 8 3 2 3; } .stroke-5 { stroke: var(--s5); stroke-dasharray: 4 4; }
.fill-0 { fill: var(--accent); } .fill-1 { fill: var(--s1); } .fill-2 { fill: var(--s2); }
.fill-3 { fill: var(--s3); } .fill-4 { fill: var(--s4); } .fill-5 { fill: var(--s5); }
details { margin: .75rem 0; }
summary { cursor: pointer; color: var(--quiet); overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; overflow: hidden; font: .85rem/1.5 ui-monospace, Menlo, Consolas, monospace;
  border-left: 2px solid var(--rule); margin: 0; padding: .1rem 0 .1rem .9rem; max-width: 60rem; }
.origin { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.5rem; font-size: .9rem; max-width: none; }
.origin dt { color: var(--quiet); }
.origin dd { margin: 0; min-width: 0; overflow-wrap: anywhere; max-width: 48rem; }
.origin ul { margin: 0; padding: 0; list-style: none; }
code { font: .85em ui-monospace, Menlo, Consolas, monospace; }
@media (max-width: 40rem) {
  main { padding: 2rem 1rem 4rem; }
  h1 { font-size: 1.5rem; }
  .origin { grid-template-columns: 1fr; gap: 0; }
  .origin dd { margin-bottom: .6rem; }
  tbody th { min-width: 7.5rem; }
  th, td { padding-right: .75rem; }
  td.number small { display: block; margin: 0; min-width: 0; }
  .plot { min-width: 9rem; padding: 0; }
  .plot svg { left: .25rem; width: calc(100% - 1.25rem); }
  .outcomes th { width: auto; }
  svg.picture text { font-size: 14px; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #000; --quiet: #444; --rule: #ccc; --grid: #ccc; --strong: #777; --accent: #1f5fa8;
    --correct: #2f74b8; --tie: #e6c84f; --wrong: #c9541c; --none: #d5d5cf; --s1: #c9541c; --s2: #444; --s3: #0f8a6d;
    --s4: #9a5ba5; --s5: #b8860b; }
  body { font-size: 10pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  h2 { margin-top: 2rem; }
  h2, h3, .caption { break-after: avoid; }
  tr, figure, .tiles > div { break-inside: avoid; }
  .wide { overflow: visible; }
  .plot { min-width: 7rem; }
  th, td { padding-right: .5rem; }
  details.data { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
`;

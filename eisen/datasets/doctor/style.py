"""The look of the HTML report: readable on a screen, light or dark, and on paper."""

from __future__ import annotations

__all__ = ["CSS"]

CSS = """
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2128; --soft: #59636e; --line: #d8dee4; --card: #f6f8fa; --accent: #0969da;
  --error: #b42318; --warning: #8a5a00; --note: #57606a; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #0e1116; --ink: #e6e9ee; --soft: #9aa4af; --line: #2d333b; --card: #161b22; --accent: #4cc9f0;
  --error: #ff8f85; --warning: #e5b567; --note: #9aa4af; --good: #7ee08f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 2rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .8rem; }
h3 { font-size: 1rem; margin: 0; display: inline; }
p { margin: .3rem 0; }
small, .soft { color: var(--soft); }
code { font: .9em ui-monospace, monospace; }
.verdict { margin: 1.2rem 0; padding: .8rem 1rem; border-left: 4px solid var(--good); background: var(--card); }
.verdict.bad { border-color: var(--error); }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; }
.tile { flex: 1 1 120px; padding: .7rem 1rem; background: var(--card); border-radius: 6px; }
.tile b { display: block; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.error { color: var(--error); } .warning { color: var(--warning); } .note { color: var(--note); }
details { border: 1px solid var(--line); border-radius: 6px; margin: .7rem 0; break-inside: auto; }
summary { padding: .6rem 1rem; cursor: pointer; }
summary .count { float: right; font-variant-numeric: tabular-nums; }
.todo { padding: 0 1rem .4rem; color: var(--soft); }
ul.found { list-style: none; margin: 0; padding: 0 1rem .6rem; }
ul.found li { display: flex; gap: 1rem; padding: .6rem 0; border-top: 1px solid var(--line); break-inside: avoid; }
ul.found .words { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.t { flex: none; display: inline-block; width: 88px; height: 88px; background: #000 center/contain no-repeat;
  border-radius: 4px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
td .t { width: 72px; height: 72px; vertical-align: middle; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: middle; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
tr { break-inside: avoid; }
td.path { overflow-wrap: anywhere; }
.swatch { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin-right: .5em;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 1rem 2rem;
  align-items: start; }
figure { margin: 0; break-inside: avoid; }
figcaption { font-weight: 500; margin-bottom: .2rem; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .name { text-anchor: end; fill: var(--ink); } svg .tick { text-anchor: middle; }
svg .grid { stroke: var(--line); } svg .median { stroke: var(--ink); stroke-width: 2; }
svg circle { fill: var(--accent); fill-opacity: .6; }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
@media print { body { max-width: none; padding: 0; font-size: 11px; } }
"""
"""The style sheet; it stands inside the page, which needs nothing else."""

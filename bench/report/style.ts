/**
 * How a page looks. The colours are told apart by people who do not tell red from green, on white and on black.
 */
export const style = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2024;--soft:#6b6f78;--rule:#e3e3e8;--card:#f7f7f9;
--s0:#60646c;--s1:#0072b2;--s2:#d55e00;--s3:#009e73;--s4:#cc79a7;--s5:#d49400;--s6:#3fa7dc;--s7:#8e4ec6}
@media(prefers-color-scheme:dark){:root{--bg:#111113;--fg:#edeef0;--soft:#9a9ea8;--rule:#2f3338;--card:#18191b;
--s0:#b0b4ba;--s1:#4aa8e0;--s2:#f07f3c;--s3:#2fc79a;--s4:#e39ac4;--s5:#e6b02e;--s7:#b48cf0}}
body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;
max-width:1440px;margin:2rem auto;padding:0 1.2rem}
h1{font-size:1.5rem;margin:0 0 .6rem}h2{font-size:1.2rem;margin:2.4rem 0 0;padding-top:.8rem;
border-top:1px solid var(--rule)}h3{font-size:1rem;margin:1.6rem 0 .5rem}small{color:var(--soft);font-weight:400}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0 0 .8rem;font-size:14px}
dt{color:var(--soft)}dd{margin:0}
p.right,p.wrong,p.doubt{margin:.3rem 0;padding-left:.7rem;border-left:3px solid var(--s3);font-size:14px}
p.wrong{border-color:var(--s2);font-weight:600}p.doubt{border-color:var(--s5)}
.charts{display:grid;gap:.8rem;align-items:start;margin-bottom:.8rem}
.lines{grid-template-columns:repeat(auto-fill,minmax(320px,1fr))}
.bars{grid-template-columns:repeat(auto-fill,minmax(400px,1fr))}
svg{width:100%;height:auto;background:var(--card);border-radius:6px}
svg text{font-size:11px;fill:var(--fg);stroke:none}svg .title{font-size:12.5px;font-weight:600}
svg .soft{fill:var(--soft)}
.grid{stroke:var(--rule);fill:none}.rule{stroke:var(--soft);fill:none;stroke-dasharray:2 3}
.line{fill:none;stroke-width:2}.whisker{fill:none;stroke-width:1.2;opacity:.7}
.spread{fill:none;stroke:var(--fg);stroke-width:1.6}
.legend{position:sticky;top:0;background:var(--bg);padding:.5rem 0;margin:1rem 0 0;font-size:13px;
border-bottom:1px solid var(--rule);z-index:1}
.legend span{display:inline-block;margin-right:1.1rem}.legend .again i{opacity:.5}
.legend i{display:inline-block;width:.8rem;height:.8rem;margin-right:.4rem;border-radius:2px;vertical-align:-1px}
pre{overflow-x:auto;font-size:12px;line-height:1.4}`

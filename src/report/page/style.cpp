// The page's style sheet: light, dark and on paper.
#include <fmt/format.h>

#include "report/chart/palette.hpp"
#include "report/page/page.hpp"

namespace foretoken {
namespace {

constexpr const char* kStyle = R"css(
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0 auto;max-width:1080px;padding:0 20px 40px;background:var(--ground);color:var(--ink);
font:16px/1.5 system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
header{padding-top:18px}
h1{font-size:26px;margin:0 0 8px;overflow-wrap:anywhere}
h2{font-size:20px;margin:0 0 10px}
h3{font-size:16px;margin:14px 0 6px}
nav ul{display:flex;flex-wrap:wrap;gap:4px 14px;list-style:none;margin:0;padding:0;font-size:14px}
a{color:var(--c0)}
section{margin:26px 0;border-top:1px solid var(--grid);padding-top:18px}
#verdict{border:2px solid var(--soft);border-radius:8px;padding:16px 18px;margin-top:18px}
#verdict.good{border-color:var(--c2)}#verdict.bad{border-color:var(--c1)}
#verdict h2{font-size:24px;margin:0}
#verdict ul{list-style:none;margin:10px 0 0;padding:0}
.good>span,.good .sign{color:var(--c2);font-weight:700}.bad>span,.bad .sign{color:var(--c1);font-weight:700}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(190px,1fr));gap:10px;margin:0}
.cards div{border:1px solid var(--grid);border-radius:6px;padding:8px 12px}
dt{font-size:13px;color:var(--soft)}
dd{margin:0;font-size:20px;font-weight:600;font-variant-numeric:tabular-nums}
dd small{font-size:13px;font-weight:400;color:var(--soft)}
figure{margin:0;position:relative}
figcaption{font-size:14px;color:var(--soft);margin:6px 0}
.drawn svg{width:100%;height:auto;display:block}
.live{width:100%}
.live:focus-visible,summary:focus-visible,.scroll:focus-visible,pre:focus-visible,a:focus-visible,
button:focus-visible{outline:3px solid var(--c0);outline-offset:2px}
.scroll{overflow:auto;max-height:480px;margin:8px 0}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:3px 10px;border-bottom:1px solid var(--grid);vertical-align:top}
th:first-child,td:last-child{text-align:left}
thead th{position:sticky;top:0;background:var(--ground);white-space:nowrap}
tbody th{font-weight:400;white-space:nowrap}
pre{overflow:auto;max-height:420px;border:1px solid var(--grid);border-radius:6px;padding:10px;font-size:13px}
summary{cursor:pointer;padding:4px 0}
button{font:inherit;font-size:14px;padding:3px 10px;margin:0 6px 6px 0;border:1px solid var(--soft);border-radius:6px;
background:var(--ground);color:var(--ink);cursor:pointer}
#theme{position:absolute;top:14px;right:20px}
.said{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
footer{font-size:14px;color:var(--soft);border-top:1px solid var(--grid);padding-top:10px}
.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--ground);padding:6px}
@media (max-width:700px){#theme{position:static;margin-top:8px}body{padding:0 12px 30px}#verdict h2{font-size:20px}}
@media screen{figure.lives .drawn{display:none}}
@media print{
@page{size:A4;margin:14mm}
body{max-width:none;padding:0;font-size:12px}
nav,button,#theme,#download,.skip,.live{display:none!important}
section{break-inside:avoid;margin:14px 0}
section#figures,section#scenario,section#assumptions{break-inside:auto}
.scroll,pre{max-height:none;overflow:visible;white-space:pre-wrap}
tbody th{white-space:normal;overflow-wrap:anywhere}td{overflow-wrap:anywhere}
.drawn svg{max-height:92mm}
details:not([open]){display:none}
}
)css";

}  // namespace

std::string page_style() {
  const std::string light = variables(kLight), dark = variables(kDark);
  return fmt::format(
             ":root{{color-scheme:light;{0}}}\n@media screen and "
             "(prefers-color-scheme:dark){{:root{{color-scheme:dark;{1}}}}}\n"
             "@media "
             "screen{{:root[data-theme=light]{{color-scheme:light;{0}}}:root[data-theme=dark]{{color-scheme:dark;{1}}}}"
             "}\n",
             light, dark) +
         kStyle + chart_rules();
}

}  // namespace foretoken

// HTML that the script fills; without one of its own hash, no script runs in it.
#include "studio/page.hpp"

#include <fmt/format.h>

#include "report/chart/svg.hpp"
#include "report/common.hpp"
#include "report/page/page.hpp"

namespace foretoken {
namespace {

constexpr const char* kStyle = R"css(
body{max-width:1500px}
#studio{display:grid;grid-template-columns:330px minmax(0,1fr);gap:8px 28px;align-items:start}
#studio section{margin:14px 0}
#estimate{border-top:0;padding-top:0}
#estimate>p{font-size:14px;color:var(--soft);margin:0}
#side{position:sticky;top:0;max-height:100vh;overflow:auto;padding:10px 12px 10px 3px}
#tabs{display:flex;flex-wrap:wrap;gap:4px;margin:0 0 8px}
#tabs button{margin:0}
#tabs button[aria-pressed=true]{background:var(--ink);color:var(--ground);border-color:var(--ink)}
fieldset{border:0;border-top:1px solid var(--grid);margin:0;padding:8px 0 4px;min-width:0}
legend{font-weight:600;font-size:14px;padding:0 8px 0 0}
.control{margin:5px 0 8px;font-size:14px}
.control label{display:flex;justify-content:space-between;gap:8px;overflow-wrap:anywhere}
.control .changed{font-weight:700}
.control .pair{display:flex;gap:8px;align-items:center}
.control input[type=range]{flex:1 1 auto;min-width:0;accent-color:var(--c0)}
.control input[type=number],.control input[type=text]{width:92px;flex:none}
.control input,.control select,.control textarea{font:inherit;font-size:14px;color:var(--ink);background:var(--ground);
border:1px solid var(--soft);border-radius:5px;padding:2px 6px}
.control select,.control textarea{width:100%}
.control textarea{min-height:84px;resize:vertical}
.control input:focus-visible,.control select:focus-visible,.control textarea:focus-visible{outline:3px solid var(--c0)}
.control .undo{padding:0 6px;margin:0;font-size:12px}
#add{display:flex;gap:6px;margin:8px 0}
#add input{flex:1;min-width:0;font:inherit;font-size:14px;color:var(--ink);background:var(--ground);
border:1px solid var(--soft);border-radius:5px;padding:2px 6px}
#add button{margin:0}
#actions{display:flex;flex-wrap:wrap;gap:2px;align-items:center}
#status{font-size:14px;color:var(--soft);min-height:22px;margin:2px 0}
progress{width:100%;height:8px;accent-color:var(--c0)}
#results table{width:100%}
#results .scroll{max-height:none}
#results th[scope=row]{white-space:normal}
#results td{text-align:right}
#results td .difference{display:block;font-size:12px;color:var(--soft)}
#results td .sure{color:var(--ink);font-weight:600}
#results td.bad{color:color-mix(in srgb,var(--c1) 75%,var(--ink));font-weight:600}
#results td.good{color:color-mix(in srgb,var(--c2) 80%,var(--ink));font-weight:600}
#results .stale td,#results .stale .sure{color:var(--soft);font-weight:400}
.problem{border-left:4px solid var(--c1);padding:4px 10px;margin:8px 0;font-size:14px;white-space:pre-wrap}
.note{border-left:4px solid var(--soft);padding:4px 10px;margin:8px 0;font-size:14px;color:var(--soft)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(400px,100%),1fr));gap:10px 24px}
.charts h4{margin:0 0 4px;font-size:14px}
.charts figure{min-width:0}
@media (max-width:900px){#studio{display:block}#side{position:static;max-height:none;padding:0}}
)css";

std::string body_of(const Scenario& scenario) {
  return fmt::format(
      R"html(<body>
<a class="skip" href="#results">Skip to the answers</a>
<header><h1>{}: what if?</h1><p>{}</p><div id="theme"></div></header>
<main id="studio">
<div id="side" tabindex="0" role="region" aria-label="Configurations and their controls">
<div id="tabs" role="group" aria-label="Configurations"></div>
<form id="controls" aria-label="Controls"></form>
<form id="add"><input list="fields" aria-label="Another field" placeholder="another field" autocomplete="off"><datalist id="fields"></datalist>
<button>Add</button></form>
</div>
<div id="results">
<div id="actions"></div>
<p id="status" role="status"></p>
<progress id="progress" hidden aria-label="Simulation"></progress>
<div id="messages"></div>
<section id="estimate" aria-labelledby="h-estimate"><h2 id="h-estimate">At once, in closed form</h2>
<p>Means of the load and of requests alone, without the spread of arrivals: a first look while a control moves.</p><div></div></section>
<section id="simulated" aria-labelledby="h-simulated"><h2 id="h-simulated">Simulated</h2><div></div></section>
<section id="pictures"><h2>Charts</h2></section>
</div>
</main>
<footer><p>Served by Foretoken on this computer, to this page alone. Nothing leaves it.</p></footer>
)html",
      escaped(scenario.name), escaped(scenario.description));
}

}  // namespace

StudioPage studio_page(const Scenario& scenario, const Controls& controls) {
  const std::string style = page_style() + kStyle;
  // What the report's script expects to find: no charts of its own yet.
  const std::string data = fmt::format(
      "<script type=\"application/json\" id=\"charts\">[]</script>\n<script type=\"application/json\" "
      "id=\"document\">{{}}</script>\n<script type=\"application/json\" id=\"given\">{}</script>\n",
      embedded(controls.document()));
  StudioPage page;
  page.policy = fmt::format(
      "default-src 'none'; style-src {}; script-src {} {}; connect-src 'self'; img-src data: blob:; base-uri 'none'; "
      "form-action 'none'; frame-ancestors 'none'",
      csp_hash(style), csp_hash(page_script()), csp_hash(studio_script()));
  page.html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<link "
      "rel=\"icon\" href=\"data:,\">\n<title>{}: what if · "
      "Foretoken</title>\n<style>{}</style>\n</head>\n{}{}<script>{}"
      "</script>\n<script>{}</script>\n</body>\n</html>\n",
      escaped(scenario.name), style, body_of(scenario), data, page_script(), studio_script());
  return page;
}

}  // namespace foretoken

// Everything the pages load. The server renders; each element enhances one thing and cleans up after itself.
import "htmx.org";
import "./elements/clip-drop.js";
import "./elements/clip-trace.js";
import "./elements/endless-list.js";
import "./elements/flow-legend.js";
import "./elements/hover-clip.js";
import "./elements/hover-loop.js";
import "./elements/job-progress.js";
import "./elements/keyboard-keys.js";
import "./elements/kept-open.js";
import "./elements/live-region.js";
import "./elements/move-focus.js";
import "./elements/player-controls.js";
import "./elements/server-status.js";
import "./elements/share-view.js";
import "./elements/unit-selection.js";
import "./elements/side-scroll.js";
import "./elements/speed-strip.js";
import "./elements/stimulus-player.js";
import "./elements/theme-switch.js";
import "./elements/unit-map.js";
import "./lib/tidy.js";

document.documentElement.classList.add("scripted");

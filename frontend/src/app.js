// The script of every page. The server renders the page; each custom element improves one thing on it and cleans up
// after itself.
import "htmx.org";
import "./elements/activation-playhead.js";
import "./elements/auto-refresh.js";
import "./elements/class-chooser.js";
import "./elements/clip-drop-zone.js";
import "./elements/flow-legend.js";
import "./elements/grid-navigation.js";
import "./elements/horizontal-scroll.js";
import "./elements/hover-clip.js";
import "./elements/hover-loop.js";
import "./elements/infinite-scroll.js";
import "./elements/job-progress.js";
import "./elements/keyboard-shortcuts.js";
import "./elements/player-controls.js";
import "./elements/remember-open.js";
import "./elements/server-status.js";
import "./elements/share-dialog.js";
import "./elements/speed-picker.js";
import "./elements/stimulus-player.js";
import "./elements/theme-switch.js";
import "./elements/unit-map.js";
import "./elements/unit-selection.js";
import "./lib/drop-empty-fields.js";

document.documentElement.classList.add("scripted");

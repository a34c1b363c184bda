// The log viewer's script. Each behaviour is a module of its own, imported here.

import htmx from "htmx.org";
import { submitOnChoice } from "./choices.js";
import { searchKey } from "./keys.js";
import { dismissNotices } from "./notices.js";
import { completeQueries } from "./viewer/completion.js";
import { copyValues } from "./viewer/copying.js";
import { moveByKeys } from "./viewer/moving.js";
import { reportFailedParts } from "./viewer/parts.js";
import { searchInPlace } from "./viewer/searching.js";
import { followLive } from "./viewer/tail.js";
import { showZone } from "./viewer/zone.js";
import { zoomHistogram } from "./viewer/zoom.js";

// Going back shows the page as its address says, made anew: nothing is put together from pieces.
htmx.config.history = "reload";

document.documentElement.classList.add("scripted");
submitOnChoice();
searchKey();
dismissNotices();
searchInPlace();
reportFailedParts();
showZone();
zoomHistogram();
completeQueries();
copyValues();
const tail = followLive();
moveByKeys(tail);

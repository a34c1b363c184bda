// The log viewer's script. Each behaviour is a module of its own, imported here.

import "htmx.org";
import { submitOnChoice } from "./choices.js";
import { searchKey } from "./keys.js";
import { dismissNotices } from "./notices.js";

document.documentElement.classList.add("scripted");
submitOnChoice();
searchKey();
dismissNotices();

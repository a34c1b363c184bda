// The file pages' script. Each behaviour is a module of its own, imported here.

import "htmx.org";
import { watchDropZone } from "./dropzone.js";
import { localTimes } from "./times.js";

document.documentElement.classList.add("scripted");
watchDropZone(document.querySelector("#upload"));
localTimes();

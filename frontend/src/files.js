// The file pages' script. Each behaviour is a module of its own, imported here.

import "htmx.org";
import { watchDialogs } from "./dialogs.js";
import { searchKey } from "./keys.js";
import { placeMenus } from "./menus.js";
import { renameInPlace } from "./rename.js";
import { watchSelection } from "./selection.js";
import { localTimes } from "./times.js";
import { upload } from "./uploading.js";

document.documentElement.classList.add("scripted");
upload(document.querySelector("#upload"));
watchSelection();
renameInPlace();
placeMenus();
watchDialogs(document.querySelector("#dialog"));
searchKey();
localTimes();

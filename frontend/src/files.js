// The file pages' script. Each behaviour is a module of its own, imported here.

import "htmx.org";
import { watchDialogs } from "./dialogs.js";
import { searchKey } from "./keys.js";
import { forgetReceipt } from "./listing.js";
import { placeMenus } from "./menus.js";
import { watchNotices } from "./notices.js";
import { renameInPlace } from "./rename.js";
import { watchSelection } from "./selection.js";
import { localTimes } from "./times.js";
import { upload } from "./uploading.js";

document.documentElement.classList.add("scripted");
const uploads = upload(document.querySelector("#upload"));
watchSelection(() => uploads?.busy ?? false);
renameInPlace();
placeMenus();
watchNotices(document.querySelector("#notices"), document.querySelector("#tray"));
watchDialogs(document.querySelector("#dialog"));
searchKey();
localTimes();
forgetReceipt();

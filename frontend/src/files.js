// The file pages' script. Each behaviour is a module of its own, imported here.

import "htmx.org";

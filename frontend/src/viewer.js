// The log viewer's script. Each behaviour is a module of its own, imported here.

import "htmx.org";

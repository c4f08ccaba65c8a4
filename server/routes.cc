#include "auspex/server/routes.h"

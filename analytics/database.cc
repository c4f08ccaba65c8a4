#include "auspex/database.h"

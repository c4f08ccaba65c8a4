#include "auspex/analytics/insight.h"

#include "routes.h"

namespace auspex::server {

void AddRoutes(Router& router, Service& service) {
  AddQueryRoutes(router, service);
  AddSeriesRoutes(router, service);
  AddRuleRoutes(router, service);
  AddIngestRoutes(router, service);
  AddContinuousQueryRoutes(router, service);
  AddJudgementRoutes(router, service);
  AddInsightRoutes(router, service);
  AddEventRoutes(router, service);
  AddStatusRoutes(router, service);
  AddRuntimeRoutes(router, service);
  AddRemoteReadRoutes(router, service);
  AddMetadataRoutes(router, service);
  AddAdminRoutes(router, service);
}

}  // namespace auspex::server

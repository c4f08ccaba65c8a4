#include "kernel.h"

namespace auspex::query {

Kernel FindKernel(std::string_view name) {
  for (const auto find : {FindRateKernel, FindOverTimeKernel, FindRegressionKernel, FindExtraKernel}) {
    if (const Kernel kernel = find(name); kernel != nullptr) return kernel;
  }
  return nullptr;
}

}  // namespace auspex::query

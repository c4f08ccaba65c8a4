#include <cstdio>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using auspex::testing::TempDir;
using ::testing::HasSubstr;

struct Outcome {
  int code = -1;
  std::string output;
};

/// Runs a command of the shell and keeps what it says.
Outcome Shell(const std::string& command) {
  Outcome out;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return out;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) out.output.append(buffer, n);
  out.code = pclose(pipe);
  return out;
}

/// The library as someone else gets it: installed, found by find_package, linked into the documented example.
TEST(Package, TheExampleBuildsAndRunsOnTheInstalledLibrary) {
  const TempDir dir;
  const std::string prefix = dir / "prefix";
  const std::string build = dir / "build";
  const auto installed = Shell("cmake --install " AUSPEX_BINARY_DIR " --component library --prefix " + prefix);
  ASSERT_EQ(installed.code, 0) << installed.output;
  const auto configured = Shell("cmake -S " AUSPEX_SOURCE_DIR "/docs/examples/embed -B " + build +
                                " -G '" AUSPEX_GENERATOR "' -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=" + prefix);
  ASSERT_EQ(configured.code, 0) << configured.output;
  const auto built = Shell("cmake --build " + build);
  ASSERT_EQ(built.code, 0) << built.output;
  const auto ran = Shell(build + "/embed " + (dir / "db"));
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("{service=\"checkout\"} 0.4"));
  EXPECT_THAT(ran.output, HasSubstr("LatencyShift: http_p95_seconds{service=\"checkout\"}"));
  EXPECT_THAT(ran.output, HasSubstr("deployment \"checkout v42\""));
}

}  // namespace
}  // namespace auspex

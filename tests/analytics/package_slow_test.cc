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

/// An example of docs/examples, built on the library as someone else gets it: installed, found by find_package.
class Package : public ::testing::Test {
 protected:
  Outcome BuildAndRun(const std::string& example, const std::string& arguments) {
    const std::string prefix = dir_ / "prefix";
    const std::string build = dir_ / "build";
    const auto installed = Shell("cmake --install " AUSPEX_BINARY_DIR " --component library --prefix " + prefix);
    EXPECT_EQ(installed.code, 0) << installed.output;
    const auto configured = Shell("cmake -S " AUSPEX_SOURCE_DIR "/docs/examples/" + example + " -B " + build +
                                  " -G '" AUSPEX_GENERATOR "' -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=" + prefix);
    EXPECT_EQ(configured.code, 0) << configured.output;
    const auto built = Shell("cmake --build " + build);
    EXPECT_EQ(built.code, 0) << built.output;
    return Shell(build + "/" + example + " " + arguments);
  }
  const TempDir dir_;
};

TEST_F(Package, TheExampleBuildsAndRunsOnTheInstalledLibrary) {
  const auto ran = BuildAndRun("embed", dir_ / "db");
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("{service=\"checkout\"} 0.4"));
  EXPECT_THAT(ran.output, HasSubstr("LatencyShift: http_p95_seconds{service=\"checkout\"}"));
  EXPECT_THAT(ran.output, HasSubstr("deployment \"checkout v42\""));
}

TEST_F(Package, AProgramAddsItsOwnDetectorForecasterAndFunctions) {
  const auto ran = BuildAndRun("detector", "");
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("anomaly(load[1h], \"algo=quota\"): {instance=\"b\", job=\"api\"} 1.5\n"));
  EXPECT_THAT(ran.output, HasSubstr("forecast(load[1h], 1d, \"algo=last\"): {instance=\"a\", job=\"api\"} 70\n"));
  EXPECT_THAT(ran.output, HasSubstr("range_width(load[5m]): {instance=\"b\", job=\"api\"} 19\n"));
  EXPECT_THAT(ran.output, HasSubstr("spread(load) by (job): {job=\"api\"} 80\n"));
}

}  // namespace
}  // namespace auspex

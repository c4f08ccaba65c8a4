// What the server keeps between requests, and what it answers, while series and samples go.
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <snappy.h>
#include <protozero/pbf_writer.hpp>

#include "tests/server/asked_routes.h"
#include "tests/support/remote_write.h"
#include "tests/support/store_compare.h"

namespace auspex::server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kStartMs = 1'767'225'600'000;

struct Hand {
  testing::FixedClock hand_{kStartMs};
};

class RoutesOverTimeTest : public Hand, public AskedRoutes {
 protected:
  RoutesOverTimeTest() : AskedRoutes(hand_) {}
  void TearDown() override {
    if (database_ != nullptr) {
      EXPECT_TRUE(database_->Close().ok());
    }
  }
  int64_t NowMs() const { return hand_.NowMs(); }
  void Delete(const std::string& selector) {
    ASSERT_EQ(Ask("POST", "/api/v1/admin/tsdb/delete_series?match[]=" + selector).status(), 204) << response_->body();
    ASSERT_EQ(Ask("POST", "/api/v1/admin/tsdb/clean_tombstones").status(), 204);
  }
  /// Forgets everything about some series, their numbers included: their samples are deleted, they leave memory, and then the
  /// archive, which nothing else may be in.
  void Forget(const std::vector<Labels>& series) {
    std::vector<SeriesRef> refs;
    for (const Labels& labels : series) refs.push_back(database_->Resolve(labels).value());
    for (const Labels& labels : series) Delete(std::string(labels.MetricName()));
    hand_.Set(NowMs() + 3 * kDayMs);
    WriteBatch batch;
    batch.Add(batch.AddSeries(Labels::Of({{"__name__", "passing_by"}})), NowMs(), 1);
    ASSERT_TRUE(database_->Append(batch).ok());
    ASSERT_EQ(Ask("POST", "/api/v1/admin/tsdb/clean_tombstones").status(), 204);
    Delete("passing_by");
    batch.Clear();
    for (const SeriesRef ref : refs) batch.Add(ref, NowMs(), 1);
    ASSERT_EQ(database_->Append(batch)->unknown_series, refs.size()) << "a series is still there";
  }
  /// The hours of [begin_ms, end_ms] by each function that summaries answer.
  std::vector<json> Hours(int64_t begin_ms, int64_t end_ms) {
    std::vector<json> answers;
    for (const char* query :
         {"avg_over_time(temperature[1h])", "min_over_time(temperature[1h])", "max_over_time(temperature[1h])",
          "count_over_time(temperature[1h])", "last_over_time(temperature[1h])", "increase(requests_total[1h])",
          "sum(rate(requests_total[1h]))"}) {
      answers.push_back(
          Data(fmt::format("/api/v1/query_range?query={}&start={}&end={}&step=3600", query, begin_ms / 1000, end_ms / 1000)));
    }
    return answers;
  }
  double ValueOf(const std::string& query) {
    const json data = Data(fmt::format("/api/v1/query?query={}&time={}", query, NowMs() / 1000));
    EXPECT_EQ(data["result"].size(), 1u) << query;
    return data["result"].empty() ? 0 : std::stod(data["result"][0]["value"][1].get<std::string>());
  }
};

TEST_F(RoutesOverTimeTest, KnownSeriesThatAreGoneAreLookedUpAnew) {
  Open(Place::kDisk);
  const auto line = [&](int value) {
    ASSERT_EQ(Ask("POST", "/write", fmt::format("cpu,host=a load={} {}\n", value, NowMs() * 1'000'000)).status(), 204)
        << response_->body();
  };
  const auto text = [&](int value) {
    ASSERT_EQ(Ask("POST", "/api/v1/import/prometheus", fmt::format("up {} {}\n", value, NowMs())).status(), 204)
        << response_->body();
  };
  const auto remote = [&](int value) {
    const std::string body =
        testing::RemoteWriteBody({{Labels::Of({{"__name__", "sent"}}), {{NowMs(), static_cast<double>(value)}}}});
    ASSERT_EQ(Ask("POST", "/api/v1/write", body).status(), 204) << response_->body();
  };
  const auto all = [&](int value) {
    line(value);
    text(value);
    remote(value);
  };
  all(1);
  all(2);  // by their numbers
  Forget({Labels::Of({{"__name__", "cpu_load"}, {"host", "a"}}), Labels::Of({{"__name__", "up"}}),
          Labels::Of({{"__name__", "sent"}})});
  all(3);
  for (const char* name : {"cpu_load", "up", "sent"}) EXPECT_EQ(ValueOf(name), 3) << name;
  all(4);
  for (const char* name : {"cpu_load", "up", "sent"}) {
    EXPECT_EQ(ValueOf(name), 4) << name;
    EXPECT_EQ(ValueOf(fmt::format("count({{__name__=\"{}\"}})", name)), 1);
  }
}

TEST_F(RoutesOverTimeTest, SoAreThoseOfHistogramsAndExemplars) {
  Open(Place::kDisk);
  constexpr double kBuckets[] = {3};
  const auto send = [&](bool histogram, bool exemplar) {
    std::string message;
    {
      protozero::pbf_writer request(message);
      protozero::pbf_writer series(request, 1);
      {
        protozero::pbf_writer label(series, 1);
        label.add_string(1, "__name__");
        label.add_string(2, "latency");
      }
      if (exemplar) {
        protozero::pbf_writer one(series, 3);
        {
          protozero::pbf_writer label(one, 1);
          label.add_string(1, "trace_id");
          label.add_string(2, "t");
        }
        one.add_double(2, 0.5);
        one.add_int64(3, NowMs());
      }
      if (histogram) {
        protozero::pbf_writer one(series, 4);
        one.add_double(2, 3);                             // count
        one.add_double(3, 18);                            // sum
        one.add_sint32(4, 1);                             // schema
        protozero::pbf_writer(one, 11).add_uint32(2, 1);  // a span of one bucket
        one.add_packed_double(13, std::begin(kBuckets), std::end(kBuckets));
        one.add_int64(15, NowMs());
      }
    }
    std::string body;
    snappy::Compress(message.data(), message.size(), &body);
    ASSERT_EQ(Ask("POST", "/api/v1/write", body).status(), 204) << response_->body();
  };
  const Labels labels = Labels::Of({{"__name__", "latency"}});
  const auto exemplars = [&] {
    return Data(fmt::format("/api/v1/query_exemplars?query=latency&start={}&end={}", NowMs() / 1000 - 1, NowMs() / 1000 + 1));
  };
  for (int round = 0; round < 2; ++round) {
    send(/*histogram=*/true, /*exemplar=*/true);
    EXPECT_EQ(ValueOf("histogram_sum(latency)"), 18);
    EXPECT_EQ(exemplars().size(), 1u);
    Forget({labels});
  }
  send(/*histogram=*/true, /*exemplar=*/false);
  EXPECT_EQ(ValueOf("histogram_count(latency)"), 3);
  Forget({labels});
  send(/*histogram=*/false, /*exemplar=*/true);
  EXPECT_EQ(exemplars().size(), 1u);
}

TEST_F(RoutesOverTimeTest, HoursOutliveTheirSamples) {
  Options options;
  options.retention_ms = 2 * kDayMs;
  options.retention_1h_ms = 30 * kDayMs;
  Open(Place::kDisk, options);
  std::vector<json> want;
  for (int day = 0; day < 6; ++day) {
    std::string body;
    const int64_t begin_ms = NowMs();
    for (int64_t t = begin_ms; t < begin_ms + kDayMs; t += 300'000) {
      body += fmt::format("temperature{{room=\"a\"}} {} {}\n", (t / 300'000) % 37, t);
      body += fmt::format("requests_total {} {}\n", (t - kStartMs) / 1000, t);
    }
    hand_.Set(begin_ms + kDayMs);
    ASSERT_EQ(Ask("POST", "/api/v1/import/prometheus", body).status(), 204) << response_->body();
    if (day != 0) continue;
    // As a dashboard would, before anything is gone.
    want = Hours(kStartMs + kHourMs, kStartMs + 23 * kHourMs);
    ASSERT_EQ(want.size(), 7u);
    for (const json& answer : want) ASSERT_EQ(answer["result"][0]["values"].size(), 23u);
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (database_->Stats().coarse_blocks_count == 0 && std::chrono::steady_clock::now() < until) {
    hand_.Set(NowMs() + 61'000);  // a minute of care
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ASSERT_GT(database_->Stats().coarse_blocks_count, 0u);
  for (const bool reopened : {false, true}) {
    SCOPED_TRACE(reopened ? "reopened" : "as it was");
    if (reopened) {
      ASSERT_TRUE(database_->Close().ok());
      Open(Place::kDisk, options);
    }
    EXPECT_EQ(Hours(kStartMs + kHourMs, kStartMs + 23 * kHourMs), want);
    const std::string day = fmt::format("start={}&end={}", kStartMs / 1000 + 3600, kStartMs / 1000 + 80'000);
    EXPECT_EQ(Data("/api/v1/series?match[]={room=\"a\"}&" + day).size(), 1u);
    EXPECT_EQ(Data("/api/v1/label/room/values?" + day), json({"a"}));
    // Between the hours nothing is known, which is said.
    EXPECT_TRUE(Data("/api/v1/query_range?query=temperature&step=600&" + day)["result"].empty());
    EXPECT_TRUE(Data("/api/v1/query_range?query=max_over_time(temperature[10m])&step=600&" + day)["result"].empty());
    EXPECT_THAT(response_->body(), HasSubstr("only summaries are left"));
  }
}

}  // namespace
}  // namespace auspex::server

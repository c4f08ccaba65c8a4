#include "analytics/rule_template.h"

#include <limits>

#include <gtest/gtest.h>

#include "analytics/time_text.h"

namespace auspex::analytics {
namespace {

TEST(Template, RendersItsActions) {
  const Labels labels = Labels::Of({{"service", "checkout"}});
  LinkedEvent event;
  event.event.name = "v42";
  event.delta_seconds = 150;
  const Template::Context context{&labels, 0.1234567, 1'700'000'000'000, &event};
  const auto render = [&](std::string_view text) { return Template::Parse(text, true).value().Render(context); };
  EXPECT_EQ(render("plain"), "plain");
  EXPECT_EQ(render("{{ $labels.service }}/{{$labels.absent}}"), "checkout/");
  EXPECT_EQ(render("{{ $value }}"), "0.1235");
  EXPECT_EQ(render("{{ $value | humanize }}"), "123.5m");
  EXPECT_EQ(render("{{ $value | humanizePercentage }}"), "12.35%");
  EXPECT_EQ(render("since {{ .start }}"), "since 2023-11-14T22:13:20.000Z");
  EXPECT_EQ(render("{{ .event.name }} {{ .event.delta }} earlier"), "v42 2 min 30 s earlier");
}

TEST(Template, RefusesOrKeepsWhatItDoesNotKnow) {
  for (const char* text :
       {"{{ .host }}", "{{ $value | printf }}", "{{ humanize }}", "{{ if $value }}", "{{ $labels.a.b }}", "{{ $value"}) {
    EXPECT_EQ(Template::Parse(text, true).status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(Template::Parse(text, false).value().Render({}), text);
  }
}

TEST(TimeText, RoundTripsTimes) {
  for (const int64_t t_ms :
       {int64_t{0}, int64_t{-1}, int64_t{1'700'000'000'123}, int64_t{951'827'696'000}, kFirstTimeMs, kLastTimeMs}) {
    EXPECT_EQ(ParseTime(FormatTime(t_ms)), t_ms) << FormatTime(t_ms);
  }
  EXPECT_EQ(FormatTime(std::numeric_limits<int64_t>::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(ParseTime("2026-03-01T14:00:00.25+02:00"), ParseTime("2026-03-01T12:00:00.250Z"));
  for (const char* text :
       {"", "2026", "2026-02-30T00:00:00Z", "2026-03-01T25:00:00Z", "2026-03-01T12:00:00", "2026-03-01T12:00:00Zx"}) {
    EXPECT_FALSE(ParseTime(text).has_value()) << text;
  }
}

TEST(TimeText, SaysSpansAsPeopleDo) {
  EXPECT_EQ(FormatSpan(0.25), "250 ms");
  EXPECT_EQ(FormatSpan(45), "45 s");
  EXPECT_EQ(FormatSpan(33120), "9 h 12 min");
  EXPECT_EQ(FormatSpan(7200), "2 h");
  EXPECT_EQ(FormatSpan(273600), "3 d 4 h");
}

}  // namespace
}  // namespace auspex::analytics

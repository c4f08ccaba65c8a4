#include "svg_chart.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace auspex::pictures {
namespace {

constexpr int kWidth = 760;
constexpr int kLeft = 56;
constexpr int kRight = 10;
constexpr int kTitle = 18;
constexpr int kGap = 8;
constexpr int kAxis = 20;

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// "0.25", "1.2k", "3M".
std::string Short(double value) {
  const double magnitude = std::abs(value);
  if (magnitude >= 1e9) return fmt::format("{:.3g}G", value / 1e9);
  if (magnitude >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
  if (magnitude >= 1e4) return fmt::format("{:.3g}k", value / 1e3);
  if (magnitude < 1e-9) return "0";
  return fmt::format("{:.3g}", value);
}

// "03-01 12:00" in UTC.
std::string TimeText(int64_t t_ms) {
  constexpr int64_t kDayMs = 86'400'000;
  const int64_t day = t_ms / kDayMs;
  const int64_t minute = t_ms % kDayMs / 60'000;
  // Civil date from days, H. Hinnant 2013.
  const int64_t z = day + 719'468;
  const int64_t era = z / 146'097;
  const int64_t doe = z - era * 146'097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const int64_t date = doy - (153 * mp + 2) / 5 + 1;
  const int64_t month = mp < 10 ? mp + 3 : mp - 9;
  return fmt::format("{:02}-{:02} {:02}:{:02}", month, date, minute / 60, minute % 60);
}

// A distance between time labels that gives at most eight of them.
int64_t TickMs(int64_t span_ms) {
  constexpr int64_t kMinute = 60'000;
  for (const int64_t minutes : {1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 4320, 10'080, 20'160}) {
    if (span_ms / (minutes * kMinute) <= 8) return minutes * kMinute;
  }
  return 43'200 * kMinute;
}

int64_t UsualDistance(const Points& points) {
  std::vector<int64_t> distances;
  for (size_t i = 1; i < points.size(); ++i) distances.push_back(points[i].t_ms - points[i - 1].t_ms);
  if (distances.empty()) return 0;
  std::nth_element(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2), distances.end());
  return distances[distances.size() / 2];
}

// Where values and times lie in one panel.
struct Frame {
  int64_t begin_ms;
  int64_t end_ms;
  double lowest;
  double highest;
  double top;
  double height;
  double X(int64_t t_ms) const {
    return kLeft + static_cast<double>(t_ms - begin_ms) / static_cast<double>(end_ms - begin_ms) * (kWidth - kLeft - kRight);
  }
  double Y(double value) const {
    const double share = std::clamp((value - lowest) / (highest - lowest), 0.0, 1.0);
    return top + (1 - share) * height;
  }
  bool Holds(const Point& p) const { return p.t_ms >= begin_ms && p.t_ms <= end_ms && std::isfinite(p.value); }
};

// "M10,5L11,6": whole pixels across, tenths of pixels down.
std::string PathOf(const Points& points, const Frame& frame) {
  const int64_t usual = UsualDistance(points);
  std::string out;
  int64_t before_ms = 0;
  bool open = false;
  for (const Point& p : points) {
    if (!frame.Holds(p)) {
      open = false;
      continue;
    }
    const bool joined = open && p.t_ms - before_ms <= 4 * usual;
    out += fmt::format("{}{:.1f},{:.1f}", joined ? "L" : "M", frame.X(p.t_ms), frame.Y(p.value));
    before_ms = p.t_ms;
    open = true;
  }
  return out;
}

}  // namespace

Panel& Panel::Line(Points points, std::string colour, std::string label, double width) {
  items_.push_back({Kind::kLine, std::move(points), {}, std::move(colour), std::move(label), width});
  return *this;
}
Panel& Panel::Dots(Points points, std::string colour, std::string label) {
  items_.push_back({Kind::kDots, std::move(points), {}, std::move(colour), std::move(label), 1.2});
  return *this;
}
Panel& Panel::Band(const Points& lower, const Points& upper, std::string colour, std::string label) {
  items_.push_back({Kind::kBand, lower, upper, std::move(colour), std::move(label), 1.2});
  return *this;
}
Panel& Panel::Level(double value, std::string label) {
  items_.push_back({Kind::kLevel, {{0, value}}, {}, "#c33", std::move(label), 1.2});
  return *this;
}
Panel& Panel::Mark(int64_t t_ms, std::string label) {
  items_.push_back({Kind::kMark, {{t_ms, 0}}, {}, "#c33", std::move(label), 1.2});
  return *this;
}
Panel& Panel::Range(double lowest, double highest) {
  fixed_ = true;
  lowest_ = lowest;
  highest_ = highest;
  return *this;
}

Chart& Chart::Add(Panel panel) {
  panels_.push_back(std::move(panel));
  return *this;
}

std::string Chart::Svg() const {
  int height = kAxis;
  for (const Panel& panel : panels_) height += panel.height_ + kTitle + kGap;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
      kWidth, height);
  int top = 0;
  for (const Panel& panel : panels_) {
    Frame frame{begin_ms_, end_ms_, 0, 1, static_cast<double>(top + kTitle), static_cast<double>(panel.height_)};
    double lowest = 1e300;
    double highest = -1e300;
    const auto see = [&](const Points& points) {
      for (const Point& p : points) {
        if (!frame.Holds(p)) continue;
        lowest = std::min(lowest, p.value);
        highest = std::max(highest, p.value);
      }
    };
    for (const Panel::Item& item : panel.items_) {
      if (item.kind == Panel::Kind::kLevel) see({{begin_ms_, item.points[0].value}});
      if (item.kind != Panel::Kind::kLevel && item.kind != Panel::Kind::kMark) {
        see(item.points);
        see(item.upper);
      }
    }
    if (lowest > highest) lowest = 0, highest = 1;
    const double margin = highest > lowest ? 0.06 * (highest - lowest) : std::max(1.0, std::abs(highest)) * 0.5;
    frame.lowest = panel.fixed_ ? panel.lowest_ : lowest - margin;
    frame.highest = panel.fixed_ ? panel.highest_ : highest + margin;

    out += fmt::format("<text x=\"{}\" y=\"{}\" fill=\"#222\">{}</text>\n", kLeft, top + 13, Escaped(panel.title_));
    out += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#fafafa\" stroke=\"#ccc\"/>\n", kLeft,
                       top + kTitle, kWidth - kLeft - kRight, panel.height_);
    out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#666\">{}</text>\n", kLeft - 4, top + kTitle + 10,
                       Short(frame.highest));
    out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#666\">{}</text>\n", kLeft - 4,
                       top + kTitle + panel.height_, Short(frame.lowest));
    double legend = kWidth - kRight - 4;
    for (const Panel::Item& item : panel.items_) {
      switch (item.kind) {
        case Panel::Kind::kLine:
          out += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"/>\n", PathOf(item.points, frame),
                             item.colour, item.width);
          break;
        case Panel::Kind::kBand: {
          Points outline = item.upper;
          outline.insert(outline.end(), item.points.rbegin(), item.points.rend());
          std::string path;
          for (const Point& p : outline) {
            if (frame.Holds(p))
              path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "M" : "L", frame.X(p.t_ms), frame.Y(p.value));
          }
          out += fmt::format("<path d=\"{}Z\" fill=\"{}\" fill-opacity=\"0.25\"/>\n", path, item.colour);
          break;
        }
        case Panel::Kind::kDots:
          for (const Point& p : item.points) {
            if (!frame.Holds(p)) continue;
            out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.6\" fill=\"{}\"/>\n", frame.X(p.t_ms),
                               frame.Y(p.value), item.colour);
          }
          break;
        case Panel::Kind::kLevel:
          out += fmt::format("<path d=\"M{},{:.1f}H{}\" stroke=\"{}\" stroke-dasharray=\"4 3\"/>\n", kLeft,
                             frame.Y(item.points[0].value), kWidth - kRight, item.colour);
          break;
        case Panel::Kind::kMark:
          out += fmt::format("<path d=\"M{:.1f},{}V{}\" stroke=\"{}\" stroke-dasharray=\"2 2\"/>\n",
                             frame.X(item.points[0].t_ms), top + kTitle, top + kTitle + panel.height_, item.colour);
          break;
      }
      if (item.label.empty()) continue;
      out += fmt::format("<text x=\"{:.0f}\" y=\"{}\" text-anchor=\"end\" fill=\"{}\">{}</text>\n", legend, top + 13,
                         item.colour, Escaped(item.label));
      legend -= 7.0 * static_cast<double>(item.label.size()) + 12;
    }
    top += panel.height_ + kTitle + kGap;
  }
  const int64_t tick_ms = TickMs(end_ms_ - begin_ms_);
  const Frame frame{begin_ms_, end_ms_, 0, 1, 0, 1};
  for (int64_t t_ms = (begin_ms_ + tick_ms - 1) / tick_ms * tick_ms; t_ms <= end_ms_; t_ms += tick_ms) {
    const double x = std::clamp(frame.X(t_ms), kLeft + 30.0, kWidth - 34.0);
    out +=
        fmt::format("<text x=\"{:.0f}\" y=\"{}\" text-anchor=\"middle\" fill=\"#666\">{}</text>\n", x, top + 8, TimeText(t_ms));
  }
  return out + "</svg>\n";
}

}  // namespace auspex::pictures

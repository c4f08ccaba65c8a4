#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace auspex::pictures {

struct Point {
  int64_t t_ms = 0;
  double value = 0;
};
using Points = std::vector<Point>;

/// One row of a picture: a plot over the time that all rows share.
class Panel {
 public:
  explicit Panel(std::string title, int height = 110) : title_(std::move(title)), height_(height) {}

  /// Gaps of more than four usual distances are left open.
  Panel& Line(Points points, std::string colour, std::string label = "", double width = 1.2);
  Panel& Dots(Points points, std::string colour, std::string label = "");
  /// Between two lines with the same times.
  Panel& Band(const Points& lower, const Points& upper, std::string colour, std::string label = "");
  /// A horizontal line: a boundary or limit.
  Panel& Level(double value, std::string label = "");
  /// A vertical line.
  Panel& Mark(int64_t t_ms, std::string label = "");
  /// Fixes the vertical axis, which otherwise holds everything that is drawn.
  Panel& Range(double lowest, double highest);

 private:
  friend class Chart;
  enum class Kind : uint8_t { kLine, kDots, kBand, kLevel, kMark };
  struct Item {
    Kind kind;
    Points points;
    Points upper;  // of a band
    std::string colour;
    std::string label;
    double width = 1.2;
  };
  std::string title_;
  int height_;
  std::vector<Item> items_;
  bool fixed_ = false;
  double lowest_ = 0;
  double highest_ = 0;
};

/// A picture in SVG: panels under each other. The same input gives the same bytes.
class Chart {
 public:
  /// Times outside of [begin_ms, end_ms] are not drawn.
  Chart(int64_t begin_ms, int64_t end_ms) : begin_ms_(begin_ms), end_ms_(end_ms) {}
  Chart& Add(Panel panel);
  std::string Svg() const;

 private:
  int64_t begin_ms_;
  int64_t end_ms_;
  std::vector<Panel> panels_;
};

}  // namespace auspex::pictures

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "auspex/query/parser.h"
#include "tests/support/random_query.h"

namespace auspex::query {
namespace {

uint64_t Seed() {
  const char* given = std::getenv("AUSPEX_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20260301;
}

/// Writes out all that means something in a tree; what only says how it was written is left out.
class Dump {
 public:
  static std::string Of(const Expr& expr) {
    Dump dump;
    dump.Visit(expr);
    return dump.out_;
  }

 private:
  void Visit(const Expr& expr) {
    out_ += '(';
    std::visit([this](const auto& node) { Node(node); }, expr.node);
    out_ += ')';
  }
  void Node(const NumberLiteral& n) { out_ += fmt::format("number {:016x}{}", Bits(n.value), n.duration ? " s" : ""); }
  void Node(const StringLiteral& s) { out_ += fmt::format("string {}:{}", s.value.size(), s.value); }
  void Node(const VectorSelector& v) { out_ += "vector " + Selector(v); }
  void Node(const MatrixSelector& m) {
    out_ += fmt::format("matrix {} {}{}", Selector(m.vector), m.range_ms, Duration(m.range));
  }
  void Node(const Subquery& s) {
    out_ += fmt::format("subquery {}{}:{}{}{}", s.range_ms, Duration(s.range), s.step_ms, Duration(s.step), Time(s.time));
    Visit(*s.expr);
  }
  void Node(const Unary& u) {
    out_ += u.negative ? "negative" : "positive";
    Visit(*u.expr);
  }
  void Node(const Binary& b) {
    const VectorMatching& m = b.matching;
    out_ += fmt::format("binary {} {} {} on={} ({}) ({}) {} {}", BinaryOpSymbol(b.op), b.return_bool,
                        static_cast<int>(m.cardinality), m.on, fmt::join(m.labels, "|"), fmt::join(m.include, "|"),
                        Fill(m.fill_left), Fill(m.fill_right));
    Visit(*b.left);
    Visit(*b.right);
  }
  void Node(const Aggregate& a) {
    out_ += fmt::format("aggregate {} {} ({})", AggregateOpName(a.op), a.without, fmt::join(a.grouping, "|"));
    if (a.parameter != nullptr) Visit(*a.parameter);
    Visit(*a.expr);
  }
  void Node(const Call& c) {
    out_ += "call " + c.function;
    for (const ExprPtr& argument : c.arguments) Visit(*argument);
  }
  void Node(const Paren& p) { Visit(*p.expr); }

  static uint64_t Bits(double value) { return value != value ? 0x7ff8000000000001 : std::bit_cast<uint64_t>(value); }
  static std::string Fill(const std::optional<double>& value) {
    return value.has_value() ? fmt::format("{:x}", Bits(*value)) : "-";
  }
  static std::string Selector(const VectorSelector& v) {
    std::vector<std::string> matchers;
    for (const Matcher& m : v.matchers)
      matchers.push_back(fmt::format("{} {} {}", m.name(), static_cast<int>(m.op()), m.value()));
    std::sort(matchers.begin(), matchers.end());
    return fmt::format("{} [{}]{}", v.metric, fmt::join(matchers, "|"), Time(v.time));
  }
  static std::string Time(const TimeModifier& t) {
    return fmt::format(" @{} {} {}{}", static_cast<int>(t.at), t.at_ms, t.offset_ms.value_or(0), Duration(t.offset));
  }
  static std::string Duration(const DurationExprPtr& d) {
    if (d == nullptr) return "";
    return fmt::format("<{} {}{}{}>", static_cast<int>(d->op), Bits(d->seconds), Duration(d->left), Duration(d->right));
  }

  std::string out_;
};

TEST(Printer, WhatIsPrintedReadsBackAsTheSameTree) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(fmt::format("AUSPEX_SEED={}", seed));
  testing::RandomQuery random(seed);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = random.Expression(i % 6);
    const auto expr = Parse(text);
    ASSERT_TRUE(expr.ok()) << text << "\n" << expr.status().message();
    const std::string printed = Print(**expr);
    const auto again = Parse(printed);
    ASSERT_TRUE(again.ok()) << text << "\n" << printed << "\n" << again.status().message();
    ASSERT_EQ(Dump::Of(**again), Dump::Of(**expr)) << text << "\n" << printed;
    ASSERT_EQ(Print(**again), printed) << text;
  }
}

TEST(Printer, NoTextBreaksTheParser) {
  const uint64_t seed = Seed() + 1;
  SCOPED_TRACE(fmt::format("AUSPEX_SEED={}", seed));
  testing::RandomQuery random(seed);
  const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  size_t parsed = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = i % 4 == 0 ? random.Bytes(static_cast<size_t>(i) % 64) : random.Mutated(i % 4);
    const auto expr = Parse(text);
    if (!expr.ok()) {
      ASSERT_EQ(expr.status().code(), StatusCode::kInvalidArgument) << text;
      ASSERT_NE(expr.status().message().find(": parse error: "), std::string::npos) << text;
      continue;
    }
    ++parsed;
    ASSERT_LE((*expr)->span.end, text.size()) << text;
    ASSERT_TRUE(Parse(Print(**expr)).ok()) << text << "\n" << Print(**expr);
    (void)CheckTypes(**expr, text, registry).ok();
  }
  EXPECT_GT(parsed, 2000u);
}

}  // namespace
}  // namespace auspex::query

#include "tree_json.h"

#include <vector>

#include "note.h"

namespace auspex::query {
namespace {

std::string_view Bool(bool value) { return value ? "true" : "false"; }

std::string List(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const std::string& name : names) {
    if (out.size() > 1) out += ",";
    out += JsonString(name);
  }
  return out + "]";
}

// As Prometheus' type names are: "vector" rather than "instant vector".
std::string_view TypeName(ArgumentType type) {
  switch (type) {
    case ArgumentType::kScalar:
    case ArgumentType::kDuration:
      return "scalar";
    case ArgumentType::kVector:
    case ArgumentType::kSeries:
      return "vector";
    case ArgumentType::kMatrix:
      return "matrix";
    case ArgumentType::kString:
      return "string";
  }
  return "";
}

std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kString:
      return "string";
    case ValueType::kVector:
      return "vector";
    case ValueType::kMatrix:
      return "matrix";
  }
  return "";
}

std::string_view OpText(Matcher::Op op) {
  switch (op) {
    case Matcher::Op::kEqual:
      return "=";
    case Matcher::Op::kNotEqual:
      return "!=";
    case Matcher::Op::kRegex:
      return "=~";
    case Matcher::Op::kNotRegex:
      return "!~";
  }
  return "";
}

std::string_view CardinalityText(VectorMatching::Cardinality cardinality) {
  switch (cardinality) {
    case VectorMatching::Cardinality::kOneToOne:
      return "one-to-one";
    case VectorMatching::Cardinality::kManyToOne:
      return "many-to-one";
    case VectorMatching::Cardinality::kOneToMany:
      return "one-to-many";
    case VectorMatching::Cardinality::kManyToMany:
      return "many-to-many";
  }
  return "";
}

std::string Matchers(const std::vector<Matcher>& matchers) {
  std::string out = "[";
  for (const Matcher& matcher : matchers) {
    if (out.size() > 1) out += ",";
    out += fmt::format(R"({{"name":{},"type":"{}","value":{}}})", JsonString(matcher.name()), OpText(matcher.op()),
                       JsonString(matcher.value()));
  }
  return out + "]";
}

// Of `{a="1" or b="2"}`: the parts, which Prometheus' tree does not have.
std::string Alternatives(const VectorSelector& selector) {
  if (selector.alternatives.empty()) return "";
  std::string out;
  for (const std::vector<Matcher>& matchers : selector.alternatives) out += (out.empty() ? "" : ",") + Matchers(matchers);
  return fmt::format(R"("alternatives":[{}],)", out);
}

// "offset", "timestamp" and "startOrEnd".
std::string Times(const TimeModifier& time) {
  std::string out = fmt::format(R"("offset":{},"startOrEnd":)", time.offset_ms.value_or(0));
  out += time.at == TimeModifier::At::kStart ? R"("start")" : time.at == TimeModifier::At::kEnd ? R"("end")" : "null";
  return out + R"(,"timestamp":)" + (time.at == TimeModifier::At::kTime ? std::to_string(time.at_ms) : "null");
}

class Writer {
 public:
  explicit Writer(const FunctionRegistry& registry) : registry_(registry) {}

  std::string Of(const ExprPtr& expr) const { return expr == nullptr ? "null" : Of(*expr); }
  std::string Of(const Expr& expr) const {
    return std::visit([&](const auto& node) { return Node(node, expr); }, expr.node);
  }

 private:
  std::string Node(const NumberLiteral& number, const Expr&) const {
    return fmt::format(R"({{"type":"numberLiteral","val":{}}})", JsonString(PrintPlainNumber(number.value)));
  }
  std::string Node(const StringLiteral& string, const Expr&) const {
    return fmt::format(R"({{"type":"stringLiteral","val":{}}})", JsonString(string.value));
  }
  std::string Node(const VectorSelector& selector, const Expr&) const {
    return fmt::format(R"({{{}"matchers":{},"name":{},{},"type":"vectorSelector"}})", Alternatives(selector),
                       Matchers(selector.matchers), JsonString(selector.metric), Times(selector.time));
  }
  std::string Node(const MatrixSelector& matrix, const Expr&) const {
    return fmt::format(R"({{{}"matchers":{},"name":{},{},"range":{},"type":"matrixSelector"}})", Alternatives(matrix.vector),
                       Matchers(matrix.vector.matchers), JsonString(matrix.vector.metric), Times(matrix.vector.time),
                       matrix.range_ms);
  }
  std::string Node(const Subquery& subquery, const Expr&) const {
    return fmt::format(R"({{"expr":{},{},"range":{},"step":{},"type":"subquery"}})", Of(subquery.expr), Times(subquery.time),
                       subquery.range_ms, subquery.step_ms);
  }
  std::string Node(const Unary& unary, const Expr&) const {
    return fmt::format(R"({{"expr":{},"op":"{}","type":"unaryExpr"}})", Of(unary.expr), unary.negative ? "-" : "+");
  }
  std::string Node(const Paren& paren, const Expr&) const {
    return fmt::format(R"({{"expr":{},"type":"parenExpr"}})", Of(paren.expr));
  }
  std::string Node(const Binary& binary, const Expr&) const {
    std::string matching = "null";
    if (binary.left->type == ValueType::kVector && binary.right->type == ValueType::kVector) {
      const std::vector<std::string> all = {"*"};
      matching =
          fmt::format(R"({{"card":"{}","include":{},"labels":{},"on":{}}})", CardinalityText(binary.matching.cardinality),
                      List(binary.matching.include_all ? all : binary.matching.include), List(binary.matching.labels),
                      Bool(binary.matching.on));
    }
    return fmt::format(R"({{"bool":{},"lhs":{},"matching":{},"op":"{}","rhs":{},"type":"binaryExpr"}})",
                       Bool(binary.return_bool), Of(binary.left), matching, BinaryOpSymbol(binary.op), Of(binary.right));
  }
  std::string Node(const Aggregate& aggregate, const Expr&) const {
    return fmt::format(R"({{"expr":{},"grouping":{},"op":"{}","param":{},"type":"aggregation","without":{}}})",
                       Of(aggregate.expr), List(aggregate.grouping), AggregateOpName(aggregate.op), Of(aggregate.parameter),
                       Bool(aggregate.without));
  }
  std::string Node(const Call& call, const Expr& expr) const {
    std::string arguments;
    for (const ExprPtr& argument : call.arguments) arguments += (arguments.empty() ? "" : ",") + Of(argument);
    std::string types;
    int variadic = 0;  // as in Prometheus: how many arguments may be left out, -1 when the last may be repeated
    const Function* function = registry_.Find(call.function);
    for (const Argument& argument : function == nullptr ? std::vector<Argument>() : function->arguments) {
      types += fmt::format(R"({}"{}")", types.empty() ? "" : ",", TypeName(argument.type));
      variadic += argument.optional ? 1 : 0;
    }
    if (function != nullptr && function->variadic) variadic = -1;
    return fmt::format(R"({{"args":[{}],"func":{{"argTypes":[{}],"name":{},"returnType":"{}","variadic":{}}},"type":"call"}})",
                       arguments, types, JsonString(call.function), TypeName(expr.type), variadic);
  }
  template <typename Other>
  std::string Node(const Other&, const Expr& expr) const {
    return fmt::format(R"({{"text":{},"type":"other"}})", JsonString(Print(expr)));
  }

  const FunctionRegistry& registry_;
};

}  // namespace

std::string TreeJson(const Expr& expr, const FunctionRegistry& registry) { return Writer(registry).Of(expr); }

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace auspex::query

#include "grammar.h"

#include <boost/spirit/home/x3.hpp>
#include <functional>
#include <string>

#ifdef __clang__
// A grammar is made of nothing but >> and >, in the precedence that they have.
#pragma clang diagnostic ignored "-Woverloaded-shift-op-parentheses"
#endif

/// The grammar of PromQL as Prometheus 3 reads it. Precedence of operators is not here but in the builder, which keeps the
/// operators of one level on a stack: a level of parentheses is then the only thing that recurses.
///
/// `a > b` means: after `a` there must be `b`. What was wanted instead is the name of the rule that did not match, as
/// "context|what": `unexpected "=" in grouping opts, expected label`.
namespace auspex::query {

namespace x3 = boost::spirit::x3;

/// Gives a parser the name by which errors say what was wanted.
template <typename Subject>
struct WantedParser : x3::unary_parser<Subject, WantedParser<Subject>> {
  static constexpr bool is_pass_through_unary = true;
  static constexpr bool handles_container = Subject::handles_container;

  WantedParser(const Subject& wrapped, const char* wanted_name)
      : x3::unary_parser<Subject, WantedParser<Subject>>(wrapped), name(wanted_name) {}

  template <typename Iterator, typename Context, typename RuleContext, typename Attribute>
  bool parse(Iterator& first, const Iterator& last, const Context& context, RuleContext& rule, Attribute& attribute) const {
    return this->subject.parse(first, last, context, rule, attribute);
  }

  const char* name;
};

}  // namespace auspex::query

template <typename Subject>
struct boost::spirit::x3::get_info<auspex::query::WantedParser<Subject>> {
  std::string operator()(const auspex::query::WantedParser<Subject>& parser) const { return parser.name; }
};

namespace auspex::query {
namespace {

using x3::char_;
using x3::eoi;
using x3::eps;
using x3::lexeme;
using x3::lit;
using x3::no_case;
using x3::raw;

/// A semantic action: passes the token that was read to a method of the builder.
template <auto method>
struct Tell {
  template <typename Context>
  void operator()(Context& context) const {
    TreeBuilder& builder = x3::get<TreeBuilder>(context).get();
    x3::_pass(context) = !builder.failed() && (builder.*method)(TokenOf(x3::_attr(context)));
  }
  static std::string_view TokenOf(x3::unused_type) { return {}; }
  template <typename Range>
  static std::string_view TokenOf(const Range& range) {
    return std::string_view(range.begin(), static_cast<size_t>(range.end() - range.begin()));
  }
};
template <auto method>
constexpr Tell<method> tell{};
using B = TreeBuilder;

template <typename Parser>
WantedParser<Parser> wanted(const char* name, const x3::parser<Parser>& parser) {
  return {parser.derived(), name};
}

// Tokens.
const auto blank = char_(" \t\n\r") | ('#' >> *(char_ - '\n' - '\r'));
const auto name_start = char_("a-zA-Z_");
const auto name_byte = char_("a-zA-Z0-9_");
const auto name = lexeme[(name_start | ':') >> *(name_byte | ':')];  // of a metric, function or keyword
const auto label_name = lexeme[name_start >> *name_byte];
const auto number_text = lexeme[&(char_("0-9") | (lit('.') >> char_("0-9"))) >> char_("0-9.") >>
                                *((char_("eE") >> char_("+-") >> &char_("0-9")) | name_byte | '.')];
const auto special_number = lexeme[no_case[lit("inf") | "nan"] >> !(name_byte | ':')];
const auto signed_number = raw[-char_("+-") >> (number_text | special_number)];

auto quoted(char quote) { return lit(quote) >> *(('\\' >> char_) | (char_ - lit(quote) - '\\' - '\n')) >> lit(quote); }
const auto string = lexeme[quoted('"') | quoted('\'') | ('`' >> *(char_ - '`') >> '`')];

auto keyword(const char* word) { return lexeme[no_case[word] >> !(name_byte | ':')]; }

const auto symbol_operator = lit("==") | "!=" | "<=" | ">=" | "</" | ">/" | "<" | ">" | "+" | "-" | "*" | "/" | "%" | "^";
const auto word_operator = keyword("and") | keyword("or") | keyword("unless") | keyword("atan2") | keyword("default") |
                           keyword("ifnot") | keyword("if");

// Durations: `5m`, `300`, `step() * 2`, `max(step(), 1m)`.
const x3::rule<struct DurationTag> duration("|");
const auto no_arguments = lit('(') >> ')';
const auto extreme_arguments = raw[lit('(')][tell<&B::DurationOpenParen>] > duration > ',' > duration;
const auto duration_call = raw[keyword("step") >> no_arguments][tell<&B::DurationStep>] |
                           raw[keyword("range") >> no_arguments][tell<&B::DurationRange>] |
                           ((keyword("min_of") | keyword("min")) > extreme_arguments > raw[lit(')')][tell<&B::DurationMin>]) |
                           ((keyword("max_of") | keyword("max")) > extreme_arguments > raw[lit(')')][tell<&B::DurationMax>]);
const auto duration_parenthesis =
    raw[lit('(')][tell<&B::DurationOpenParen>] > duration > raw[lit(')')][tell<&B::DurationParen>];
const x3::rule<struct DurationAtomTag> duration_atom("subquery or range|duration");
const auto duration_atom_def = raw[number_text][tell<&B::DurationLiteral>] | duration_call | duration_parenthesis;

const x3::rule<struct DurationPowerTag> duration_power("subquery or range|duration");
const auto duration_sign = ('-' > duration_power > eps[tell<&B::DurationNegate>]) | ('+' > duration_power) | duration_power;
const auto duration_power_def = duration_atom >>
                                -(raw[lit('^')][tell<&B::DurationOpenPower>] >
                                  wanted("subquery or range|duration", duration_sign) > eps[tell<&B::DurationPow>]);
const auto duration_operand = wanted("subquery or range|duration", duration_sign);
const auto duration_product = duration_operand >> *(('*' > duration_operand > eps[tell<&B::DurationMul>]) |
                                                    ('/' > duration_operand > eps[tell<&B::DurationDiv>]) |
                                                    ('%' > duration_operand > eps[tell<&B::DurationMod>]));
const auto duration_def = duration_product >> *(('+' > duration_product > eps[tell<&B::DurationAdd>]) |
                                                ('-' > duration_product > eps[tell<&B::DurationSub>]));
// After `offset`, arithmetic needs parentheses: `x offset 1m + 2` adds 2 to x.
const auto offset_duration =
    wanted("offset|number, duration, step(), or range()",
           ('-' > duration_atom > eps[tell<&B::DurationNegate>]) | ('+' > duration_atom) | duration_atom);

// Lists of label names: `(job, instance)`.
const auto label = wanted("grouping opts|label", raw[name][tell<&B::Label>] | raw[string][tell<&B::QuotedLabel>]);
const x3::rule<struct LabelsTag> labels("grouping opts|\"(\"");
const auto label_list = label >> *(',' >> !lit(')') > label) > -lit(',') >
                        wanted("grouping opts|\",\" or \")\"", raw[lit(')')][tell<&B::CloseLabels>]);
const auto labels_def = lit('(') > wanted("grouping opts|label", raw[lit(')')][tell<&B::CloseLabels>] | label_list);

// Selectors: `up`, `up{job="api"}`, `{"a.metric", "a.label"=~"x|y"}`.
const auto matcher_operator =
    wanted("label matching|label matching operator", raw[lit("=~") | "!~" | "!=" | "="][tell<&B::MatcherOperator>]);
const auto matcher_value = wanted("label matching|string", raw[string][tell<&B::MatcherValue>]);
const auto matcher = wanted("label matching|identifier or \"}\"",
                            (raw[label_name][tell<&B::MatcherName>] > matcher_operator > matcher_value) |
                                (raw[string][tell<&B::MatcherQuotedName>] >
                                 ((&char_("=!") > matcher_operator > matcher_value) | eps[tell<&B::MatcherIsMetricName>])));
const auto another_matcher =
    (',' >> !lit('}') > matcher) | (raw[keyword("or")][tell<&B::OrMatchers>] > matcher);  // the second is beyond PromQL
const auto matcher_list = matcher >> *another_matcher > -lit(',') >
                          wanted("label matching|\",\" or \"}\"", raw[lit('}')][tell<&B::CloseBraces>]);
const auto braces = raw[lit('{')][tell<&B::OpenBraces>] >
                    wanted("label matching|identifier or \"}\"", raw[lit('}')][tell<&B::CloseBraces>] | matcher_list);
const x3::rule<struct SelectorTag> selector("|");
const auto selector_def = ((raw[name][tell<&B::MetricName>] > -braces) | braces) > eps[tell<&B::EndSelector>];

// Operands.
const x3::rule<struct ExpressionTag> expression("|");
const auto comma = (raw[lit(',') >> &lit(')')][tell<&B::TrailingComma>] | raw[lit(',')][tell<&B::NextArgument>]);
const auto close = wanted("|", raw[lit(')')][tell<&B::CloseArguments>]);
const x3::rule<struct ArgumentsTag> arguments("aggregation|");
const auto arguments_def = lit('(') > (raw[lit(')')][tell<&B::CloseArguments>] | (expression > *(comma > expression) > close));
const auto grouping =
    (raw[keyword("by")][tell<&B::By>] | raw[keyword("without")][tell<&B::Without>]) > labels > eps[tell<&B::EndGrouping>];
const auto aggregation = raw[name >> &('(' | keyword("by") | keyword("without"))][tell<&B::BeginAggregate>] >
                         ((grouping > arguments) | (arguments > -grouping)) >
                         -(keyword("limit") >
                           raw[wanted("limit|number", number_text)][tell<&B::Limit>]) > eps[tell<&B::EndAggregate>];
// Which functions may have a grouping, the registry knows: the type check refuses it for others.
const auto grouped_call = (keyword("by") | keyword("without")) >> '(' >> *(string | (char_ - ')')) >> ')' >> '(';
const auto call = raw[name >> &(lit('(') | grouped_call)][tell<&B::BeginCall>] >
                  ((grouping > arguments) | (arguments > -grouping)) > eps[tell<&B::EndCall>];
const auto parenthesis = raw[lit('(')][tell<&B::OpenParen>] > expression >
                         *(raw[lit(',')][tell<&B::NextArgument>] > expression) >
                         wanted("|", raw[lit(')')][tell<&B::CloseParen>]);
const auto literal =
    raw[number_text][tell<&B::Number>] | raw[special_number][tell<&B::SpecialNumber>] | raw[string][tell<&B::String>];
const auto primary = wanted("|", literal | parenthesis | aggregation | call | selector);

// What may follow an operand: `[5m]`, `[1h:5m]`, `offset 5m`, `@ end()`.
const auto subquery_end = raw[lit(']')][tell<&B::CloseSubquery>];
const auto range = raw[lit('[')][tell<&B::OpenRange>] > wanted("subquery selector|duration", duration) >
                   wanted("subquery or range|\":\" or \"]\"",
                          raw[lit(']')][tell<&B::CloseMatrix>] |
                              ((raw[lit("::")][tell<&B::AlignedSubqueryRange>] | raw[lit(':')][tell<&B::SubqueryRange>]) >
                               wanted("subquery selector|duration or \"]\"",
                                      subquery_end | (duration > eps[tell<&B::SubqueryStep>] >
                                                      wanted("subquery selector|\"]\"", subquery_end)))));
const auto offset_modifier = raw[keyword("offset")][tell<&B::BeginOffset>] > offset_duration > eps[tell<&B::EndOffset>];
const auto at_bound = (raw[keyword("start")][tell<&B::AtStart>] | raw[keyword("end")][tell<&B::AtEnd>]) >
                      wanted("@|timestamp", lit('(')) > wanted("@|timestamp", raw[lit(')')][tell<&B::EndAt>]);
const auto at = '@' > wanted("@|timestamp", signed_number[tell<&B::AtTime>] | at_bound);
const auto extension = raw[keyword("anchored")][tell<&B::Anchored>] | raw[keyword("smoothed")][tell<&B::Smoothed>];
const x3::rule<struct PostfixTag> postfix("|");
const auto keep_names = raw[keyword("keep_metric_names")][tell<&B::KeepMetricNames>];
const auto postfix_def = range | offset_modifier | at | extension | keep_names;

// Operators between operands: `*`, `> bool`, `/ on (job) group_left (team)`, `+ fill (0)`.
const auto group = (raw[keyword("group_left")][tell<&B::GroupLeft>] | raw[keyword("group_right")][tell<&B::GroupRight>]) >
                   -((lit('(') >> '*' >> raw[lit(')')][tell<&B::IncludeAll>]) |
                     (&lit('(') > labels > eps[tell<&B::EndIncludedLabels>])) >
                   -(keyword("prefix") >> raw[string][tell<&B::Prefix>]);
const auto matching = (raw[keyword("on")][tell<&B::On>] | raw[keyword("ignoring")][tell<&B::Ignoring>]) > labels >
                      eps[tell<&B::EndMatchingLabels>] > -group;
const auto fill = (keyword("fill") >> &lit('(') > '(' > signed_number[tell<&B::Fill>] > ')') |
                  (keyword("fill_left") >> &lit('(') > '(' > signed_number[tell<&B::FillLeft>] > ')') |
                  (keyword("fill_right") >> &lit('(') > '(' > signed_number[tell<&B::FillRight>] > ')');
const x3::rule<struct InfixTag> infix("|");
const auto infix_def = raw[symbol_operator | word_operator][tell<&B::InfixOperator>] >
                       -raw[keyword("bool")][tell<&B::ReturnBool>] > -matching > *fill;

const auto operand = *raw[char_("+-")][tell<&B::PrefixOperator>] > primary > *postfix;
const auto expression_def = operand >> *(infix > operand);

BOOST_SPIRIT_DEFINE(duration, duration_power, duration_atom, labels, selector, arguments, postfix, infix, expression)

const auto query = wanted("|", expression) > wanted("|", eoi);

}  // namespace

void ReadExpression(std::string_view text, TreeBuilder& builder) {
  const char* first = text.data();
  const char* const last = first + text.size();
  try {
    if (!x3::phrase_parse(first, last, x3::with<TreeBuilder>(std::ref(builder))[query], blank)) {
      builder.Unexpected(static_cast<size_t>(first - text.data()), "|");
    }
  } catch (const x3::expectation_failure<const char*>& failure) {
    builder.Unexpected(static_cast<size_t>(failure.where() - text.data()), failure.which());
  }
}

}  // namespace auspex::query

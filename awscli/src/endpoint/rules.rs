//! The endpoint rules language: rule sets compiled from their JSON, and the interpreter. A rule set is a tree of rules;
//! the first leaf whose conditions all hold gives the endpoint, or an error for the user.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::functions::{self, Arn, ParsedUrl};
use super::partitions::{Partition, Partitions};
use crate::model::{ContextValue, Packed};
use crate::value::{Map, Value};

/// What the rules are given, by parameter name. Names that the rule set does not have are ignored.
pub type Parameters = indexmap::IndexMap<String, ContextValue>;

/// A service's endpoint rules.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RuleSet {
    /// The parameters, which take the first slots.
    pub parameters: Vec<RuleParameter>,
    /// How many slots parameters and assigned variables take together.
    slots: u16,
    rules: Packed<Rule>,
}

/// A parameter of a rule set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleParameter {
    /// Such as `Region`.
    pub name: String,
    /// What the client fills it with, such as `AWS::Region`. Empty if it comes from the operation.
    pub built_in: String,
    /// Without it there is no endpoint.
    pub required: bool,
    /// Its value when not given.
    pub default: Option<ContextValue>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Rule {
    conditions: Vec<Condition>,
    outcome: Outcome,
}

/// Stands for a rule that cannot be decoded: there is no endpoint then.
impl Default for Rule {
    fn default() -> Self {
        let reason = "The endpoint rules cannot be read".to_owned();
        Self { conditions: Vec::new(), outcome: Outcome::Error(Expression::Text(reason)) }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Condition {
    expression: Expression,
    /// The slot that keeps the value for the rest of this rule and the rules below it.
    assign: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Outcome {
    Endpoint {
        url: Expression,
        headers: Vec<(String, Vec<Expression>)>,
        properties: Vec<(String, Property)>,
    },
    Error(Expression),
    /// Most trees are passed by, and S3 has big ones.
    Tree(Packed<Rule>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Property {
    Value(Expression),
    List(Vec<Property>),
    Map(Vec<(String, Property)>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Expression {
    Bool(bool),
    Int(i64),
    Text(String),
    /// A parameter or variable.
    Slot(u16),
    /// A text with values in it.
    Template(Vec<Expression>),
    /// `getAttr`, and `{name#attribute}` in templates.
    Attribute(Box<Expression>, Vec<Step>),
    Call(Function, Vec<Expression>),
}

/// One step of a `getAttr` path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Step {
    Name(String),
    Index(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Function {
    IsSet,
    Not,
    StringEquals,
    BooleanEquals,
    ParseUrl,
    ParseArn,
    Partition,
    IsVirtualHostableBucket,
    IsValidHostLabel,
    UriEncode,
    Substring,
    Split,
    Coalesce,
    Ite,
}

/// A part of a rule set or of the partitions that this program does not understand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {what} in {node}")]
pub struct CompileError {
    what: String,
    node: String,
}

impl CompileError {
    pub(super) fn new(what: &str, node: &Json) -> Self {
        Self { what: what.to_owned(), node: node.to_string().chars().take(200).collect() }
    }
}

/// Why the rules give no endpoint. The texts are those of the rules, or of botocore.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// A rule refuses the combination of parameters, and says why.
    #[error("{0}")]
    Refused(String),
    /// A parameter is missing.
    #[error("Cannot find value for required parameter {0}")]
    Missing(String),
    /// No rule applies.
    #[error("No endpoint found for parameters:\n{0}")]
    NoMatch(String),
    /// A rule compares things that cannot be compared: the rule set does not fit the parameters.
    #[error("{0}")]
    BadRule(&'static str),
}

/// The leaf that the rules end in.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedRule {
    /// The endpoint's URL.
    pub url: String,
    /// Headers to add to the request.
    pub headers: Vec<(String, Vec<String>)>,
    /// `authSchemes` and others.
    pub properties: Map,
}

impl RuleSet {
    /// Compiles `endpoint-rule-set-1.json`.
    pub fn from_json(document: &Json) -> Result<Self, CompileError> {
        let mut compiler = Compiler { slots: Vec::new() };
        let parameters = document["parameters"]
            .as_object()
            .ok_or_else(|| CompileError::new("parameters", document))?
            .iter()
            .map(|(name, parameter)| compiler.parameter(name, parameter))
            .collect::<Result<_, _>>()?;
        let rules = compiler.rules(&document["rules"])?;
        Ok(Self { parameters, slots: compiler.slots.len() as u16, rules })
    }

    /// Finds the endpoint for `parameters`.
    pub fn resolve(
        &self,
        partitions: &Partitions,
        parameters: &Parameters,
    ) -> Result<ResolvedRule, EndpointError> {
        let mut slots = vec![Datum::None; usize::from(self.slots)];
        for (slot, parameter) in slots.iter_mut().zip(&self.parameters) {
            *slot = match parameters.get(&parameter.name).or(parameter.default.as_ref()) {
                Some(ContextValue::Bool(value)) => Datum::Bool(*value),
                Some(ContextValue::Str(value)) => Datum::Text(value.clone()),
                Some(ContextValue::List(value)) => Datum::List(value.clone()),
                None if parameter.required => return Err(EndpointError::Missing(parameter.name.clone())),
                None => Datum::None,
            };
        }
        let mut run = Run { partitions, slots };
        run.rules(&self.rules)?.ok_or_else(|| {
            let lines = parameters.iter().map(|(name, value)| match value {
                ContextValue::Bool(value) => format!("{name}: {}", if *value { "True" } else { "False" }),
                ContextValue::Str(value) => format!("{name}: {value}"),
                ContextValue::List(value) => format!("{name}: {value:?}"),
            });
            EndpointError::NoMatch(lines.collect::<Vec<_>>().join("\n"))
        })
    }
}

#[cfg(test)]
impl RuleSet {
    /// Whether each rule can be decoded, and is packed again as it was.
    pub(crate) fn is_sound(&self) -> bool {
        fn sound(rules: &Packed<Rule>) -> bool {
            let below = |rule: &Rule| !matches!(&rule.outcome, Outcome::Tree(rules) if !sound(rules));
            rules.is_sound() && rules.iter().all(below)
        }
        !self.rules.is_empty() && sound(&self.rules)
    }
}

struct Compiler {
    /// The name of each slot.
    slots: Vec<String>,
}

impl Compiler {
    fn slot(&mut self, name: &str) -> u16 {
        let found = self.slots.iter().position(|slot| slot == name);
        found.unwrap_or_else(|| {
            self.slots.push(name.to_owned());
            self.slots.len() - 1
        }) as u16
    }

    fn parameter(&mut self, name: &str, node: &Json) -> Result<RuleParameter, CompileError> {
        self.slot(name);
        let default = match &node["default"] {
            Json::Null => None,
            Json::Bool(value) => Some(ContextValue::Bool(*value)),
            Json::String(value) => Some(ContextValue::Str(value.clone())),
            Json::Array(values) => {
                Some(ContextValue::List(values.iter().filter_map(Json::as_str).map(str::to_owned).collect()))
            }
            other => return Err(CompileError::new("default", other)),
        };
        Ok(RuleParameter {
            name: name.to_owned(),
            built_in: node["builtIn"].as_str().unwrap_or_default().to_owned(),
            required: node["required"].as_bool().unwrap_or(false),
            default,
        })
    }

    fn rules(&mut self, node: &Json) -> Result<Packed<Rule>, CompileError> {
        let rules = node.as_array().ok_or_else(|| CompileError::new("rules", node))?;
        let rules = rules.iter().map(|rule| self.rule(rule)).collect::<Result<Vec<_>, _>>()?;
        Packed::new(&rules).map_err(|_| CompileError::new("rules", node))
    }

    fn rule(&mut self, node: &Json) -> Result<Rule, CompileError> {
        let conditions = node["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|condition| {
                let assign = condition["assign"].as_str().map(|name| self.slot(name));
                Ok(Condition { expression: self.expression(condition)?, assign })
            })
            .collect::<Result<_, CompileError>>()?;
        let outcome = match node["type"].as_str() {
            Some("endpoint") => {
                let endpoint = &node["endpoint"];
                let mut headers = Vec::new();
                for (name, values) in endpoint["headers"].as_object().into_iter().flatten() {
                    let values = values.as_array().ok_or_else(|| CompileError::new("header", values))?;
                    let values =
                        values.iter().map(|value| self.expression(value)).collect::<Result<_, _>>()?;
                    headers.push((name.clone(), values));
                }
                let mut properties = Vec::new();
                for (name, value) in endpoint["properties"].as_object().into_iter().flatten() {
                    properties.push((name.clone(), self.property(value)?));
                }
                Outcome::Endpoint { url: self.expression(&endpoint["url"])?, headers, properties }
            }
            Some("error") => Outcome::Error(self.expression(&node["error"])?),
            Some("tree") => Outcome::Tree(self.rules(&node["rules"])?),
            _ => return Err(CompileError::new("rule type", node)),
        };
        Ok(Rule { conditions, outcome })
    }

    fn property(&mut self, node: &Json) -> Result<Property, CompileError> {
        Ok(match node {
            Json::Array(items) => {
                Property::List(items.iter().map(|item| self.property(item)).collect::<Result<_, _>>()?)
            }
            Json::Object(items) => Property::Map(
                items.iter().map(|(name, item)| Ok((name.clone(), self.property(item)?))).collect::<Result<
                    _,
                    CompileError,
                >>(
                )?,
            ),
            leaf => Property::Value(self.expression(leaf)?),
        })
    }

    fn expression(&mut self, node: &Json) -> Result<Expression, CompileError> {
        match node {
            Json::Bool(value) => Ok(Expression::Bool(*value)),
            Json::Number(value) => {
                value.as_i64().map(Expression::Int).ok_or_else(|| CompileError::new("number", node))
            }
            Json::String(text) => self.template(text),
            Json::Object(object) => match (object.get("ref"), object.get("fn")) {
                (Some(Json::String(name)), _) => Ok(Expression::Slot(self.slot(name))),
                (_, Some(Json::String(function))) => self.call(function, node),
                _ => Err(CompileError::new("expression", node)),
            },
            _ => Err(CompileError::new("expression", node)),
        }
    }

    fn call(&mut self, function: &str, node: &Json) -> Result<Expression, CompileError> {
        let arguments = node["argv"].as_array().ok_or_else(|| CompileError::new("argv", node))?;
        if function == "getAttr" {
            let [of, Json::String(path)] = arguments.as_slice() else {
                return Err(CompileError::new("getAttr", node));
            };
            return Ok(Expression::Attribute(Box::new(self.expression(of)?), path_steps(path, '.')));
        }
        let (function, arity) = match function {
            "isSet" => (Function::IsSet, 1),
            "not" => (Function::Not, 1),
            "stringEquals" => (Function::StringEquals, 2),
            "booleanEquals" => (Function::BooleanEquals, 2),
            "parseURL" => (Function::ParseUrl, 1),
            "aws.parseArn" => (Function::ParseArn, 1),
            "aws.partition" => (Function::Partition, 1),
            "aws.isVirtualHostableS3Bucket" => (Function::IsVirtualHostableBucket, 2),
            "isValidHostLabel" => (Function::IsValidHostLabel, 2),
            "uriEncode" => (Function::UriEncode, 1),
            "substring" => (Function::Substring, 4),
            "split" => (Function::Split, 3),
            "coalesce" => (Function::Coalesce, arguments.len()),
            "ite" => (Function::Ite, 3),
            _ => return Err(CompileError::new("function", node)),
        };
        if arguments.len() != arity {
            return Err(CompileError::new("number of arguments", node));
        }
        let arguments =
            arguments.iter().map(|argument| self.expression(argument)).collect::<Result<_, _>>()?;
        Ok(Expression::Call(function, arguments))
    }

    /// Splits `https://{Bucket}.s3.{partition#dnsSuffix}`. `{{` and `}}` are braces.
    fn template(&mut self, text: &str) -> Result<Expression, CompileError> {
        let bad = || CompileError::new("template", &Json::String(text.to_owned()));
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            let doubled = rest.as_str().starts_with(character);
            match character {
                '{' | '}' if doubled => {
                    rest.next();
                    literal.push(character);
                }
                '{' => {
                    let (inner, after) = rest.as_str().split_once('}').ok_or_else(bad)?;
                    if !literal.is_empty() {
                        parts.push(Expression::Text(std::mem::take(&mut literal)));
                    }
                    let (name, path) = inner.split_once('#').unwrap_or((inner, ""));
                    let variable = Expression::Slot(self.slot(name));
                    parts.push(if path.is_empty() {
                        variable
                    } else {
                        Expression::Attribute(Box::new(variable), path_steps(path, '#'))
                    });
                    rest = after.chars();
                }
                '}' => return Err(bad()),
                _ => literal.push(character),
            }
        }
        if parts.is_empty() {
            return Ok(Expression::Text(literal));
        }
        if !literal.is_empty() {
            parts.push(Expression::Text(literal));
        }
        Ok(Expression::Template(parts))
    }
}

/// The steps of a path such as `resourceId[1]`.
fn path_steps(path: &str, separator: char) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split(separator) {
        let indexed = part.strip_suffix(']').and_then(|part| part.split_once('['));
        match indexed.and_then(|(name, index)| Some((name, index.parse().ok()?))) {
            Some((name, index)) => {
                if !name.is_empty() {
                    steps.push(Step::Name(name.to_owned()));
                }
                steps.push(Step::Index(index));
            }
            None => steps.push(Step::Name(part.to_owned())),
        }
    }
    steps
}

/// A value while the rules run.
#[derive(Debug, Clone, PartialEq)]
enum Datum<'a> {
    None,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<String>),
    Url(Box<ParsedUrl>),
    Arn(Box<Arn>),
    Partition(&'a Partition),
}

impl Datum<'_> {
    /// What a condition needs: anything but "no value" and false.
    fn holds(&self) -> bool {
        !matches!(self, Datum::None | Datum::Bool(false))
    }

    fn as_text(&self) -> Result<&str, EndpointError> {
        match self {
            Datum::Text(text) => Ok(text),
            _ => Err(EndpointError::BadRule("Both values must be strings")),
        }
    }

    fn as_bool(&self) -> Result<bool, EndpointError> {
        match self {
            Datum::Bool(value) => Ok(*value),
            _ => Err(EndpointError::BadRule("Both arguments must be bools")),
        }
    }

    fn as_size(&self) -> usize {
        match self {
            Datum::Int(value) => usize::try_from(*value).unwrap_or(0),
            _ => 0,
        }
    }
}

struct Run<'a> {
    partitions: &'a Partitions,
    slots: Vec<Datum<'a>>,
}

impl<'a> Run<'a> {
    fn rules(&mut self, rules: &Packed<Rule>) -> Result<Option<ResolvedRule>, EndpointError> {
        for rule in rules.iter() {
            let found = self.rule(rule)?;
            // What a rule assigned is not seen by the rules beside it.
            for slot in rule.conditions.iter().filter_map(|condition| condition.assign) {
                self.slots[usize::from(slot)] = Datum::None;
            }
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn rule(&mut self, rule: &Rule) -> Result<Option<ResolvedRule>, EndpointError> {
        for condition in &rule.conditions {
            let value = self.value(&condition.expression)?;
            let holds = value.holds();
            if let Some(slot) = condition.assign {
                self.slots[usize::from(slot)] = value;
            }
            if !holds {
                return Ok(None);
            }
        }
        match &rule.outcome {
            Outcome::Tree(rules) => self.rules(rules),
            Outcome::Error(text) => Err(EndpointError::Refused(self.text(text)?)),
            Outcome::Endpoint { url, headers, properties } => {
                let headers = headers.iter().map(|(name, values)| {
                    let values = values.iter().map(|value| self.text(value)).collect::<Result<_, _>>()?;
                    Ok((name.clone(), values))
                });
                let headers = headers.collect::<Result<_, EndpointError>>()?;
                let url = self.text(url)?;
                Ok(Some(ResolvedRule { url, headers, properties: self.properties(properties)? }))
            }
        }
    }

    fn properties(&self, properties: &[(String, Property)]) -> Result<Map, EndpointError> {
        properties.iter().map(|(name, property)| Ok((name.clone(), self.property(property)?))).collect()
    }

    fn property(&self, property: &Property) -> Result<Value, EndpointError> {
        Ok(match property {
            Property::Value(Expression::Bool(value)) => Value::Bool(*value),
            Property::Value(Expression::Int(value)) => Value::Int(*value),
            Property::Value(expression) => Value::Str(self.text(expression)?),
            Property::List(items) => {
                Value::List(items.iter().map(|item| self.property(item)).collect::<Result<_, _>>()?)
            }
            Property::Map(items) => Value::Map(self.properties(items)?),
        })
    }

    fn text(&self, expression: &Expression) -> Result<String, EndpointError> {
        match self.value(expression)? {
            Datum::Text(text) => Ok(text),
            Datum::Bool(value) => Ok(if value { "True" } else { "False" }.to_owned()),
            Datum::Int(value) => Ok(value.to_string()),
            _ => Err(EndpointError::BadRule(
                "A text of the endpoint rules refers to something that is not a text",
            )),
        }
    }

    fn value(&self, expression: &Expression) -> Result<Datum<'a>, EndpointError> {
        Ok(match expression {
            Expression::Bool(value) => Datum::Bool(*value),
            Expression::Int(value) => Datum::Int(*value),
            Expression::Text(text) => Datum::Text(text.clone()),
            Expression::Slot(slot) => self.slots[usize::from(*slot)].clone(),
            Expression::Template(parts) => {
                let mut text = String::new();
                for part in parts {
                    text.push_str(&self.text(part)?);
                }
                Datum::Text(text)
            }
            Expression::Attribute(of, path) => {
                path.iter().fold(self.value(of)?, |value, step| attribute(&value, step))
            }
            Expression::Call(function, arguments) => self.call(*function, arguments)?,
        })
    }

    fn call(&self, function: Function, arguments: &[Expression]) -> Result<Datum<'a>, EndpointError> {
        let argument = |index: usize| self.value(&arguments[index]);
        let optional_text = |value: Option<String>| value.map_or(Datum::None, Datum::Text);
        Ok(match function {
            Function::IsSet => Datum::Bool(argument(0)? != Datum::None),
            Function::Not => Datum::Bool(!argument(0)?.holds()),
            Function::StringEquals => Datum::Bool(argument(0)?.as_text()? == argument(1)?.as_text()?),
            Function::BooleanEquals => Datum::Bool(argument(0)?.as_bool()? == argument(1)?.as_bool()?),
            Function::Coalesce => {
                for argument in arguments {
                    let value = self.value(argument)?;
                    if value != Datum::None {
                        return Ok(value);
                    }
                }
                Datum::None
            }
            Function::Ite => argument(if argument(0)?.as_bool()? { 1 } else { 2 })?,
            // The other functions take a text first, and give nothing for nothing.
            _ => {
                let first = argument(0)?;
                let text = match &first {
                    Datum::None if matches!(function, Function::Partition) => "",
                    Datum::None => return Ok(Datum::None),
                    value => value.as_text()?,
                };
                match function {
                    Function::ParseUrl => {
                        functions::parse_url(text).map_or(Datum::None, |url| Datum::Url(Box::new(url)))
                    }
                    Function::ParseArn => {
                        functions::parse_arn(text).map_or(Datum::None, |arn| Datum::Arn(Box::new(arn)))
                    }
                    Function::Partition => {
                        self.partitions.of_region(text).map_or(Datum::None, Datum::Partition)
                    }
                    Function::IsVirtualHostableBucket => {
                        Datum::Bool(functions::is_virtual_hostable_bucket(text, argument(1)?.as_bool()?))
                    }
                    Function::IsValidHostLabel => {
                        Datum::Bool(functions::is_valid_host_label(text, argument(1)?.as_bool()?))
                    }
                    Function::UriEncode => Datum::Text(functions::percent_encode(text, b"")),
                    Function::Substring => {
                        let (start, stop) = (argument(1)?.as_size(), argument(2)?.as_size());
                        optional_text(functions::substring(text, start, stop, argument(3)?.as_bool()?))
                    }
                    _ => Datum::List(functions::split(text, argument(1)?.as_text()?, argument(2)?.as_size())),
                }
            }
        })
    }
}

/// One step of `getAttr`; no value where there is none.
fn attribute<'a>(value: &Datum<'a>, step: &Step) -> Datum<'a> {
    let text = |text: &str| Datum::Text(text.to_owned());
    match (value, step) {
        (Datum::List(list), Step::Index(index)) => {
            list.get(*index as usize).map_or(Datum::None, |item| text(item))
        }
        (Datum::Url(url), Step::Name(name)) => match name.as_str() {
            "scheme" => text(&url.scheme),
            "authority" => text(&url.authority),
            "path" => text(&url.path),
            "normalizedPath" => text(&url.normalized_path),
            "isIp" => Datum::Bool(url.is_ip),
            _ => Datum::None,
        },
        (Datum::Arn(arn), Step::Name(name)) => match name.as_str() {
            "partition" => text(&arn.partition),
            "service" => text(&arn.service),
            "region" => text(&arn.region),
            "accountId" => text(&arn.account_id),
            "resourceId" => Datum::List(arn.resource_id.clone()),
            _ => Datum::None,
        },
        (Datum::Partition(partition), Step::Name(name)) => match name.as_str() {
            "name" => text(&partition.name),
            "dnsSuffix" => text(&partition.dns_suffix),
            "dualStackDnsSuffix" => text(&partition.dual_stack_dns_suffix),
            "implicitGlobalRegion" => text(&partition.implicit_global_region),
            "supportsFIPS" => Datum::Bool(partition.supports_fips),
            "supportsDualStack" => Datum::Bool(partition.supports_dual_stack),
            _ => Datum::None,
        },
        _ => Datum::None,
    }
}

//! `--generate-cli-skeleton`: samples of an operation's parameters and of its result, made from the model alone.

use time::OffsetDateTime;

use crate::format::Sink;
use crate::model::{Kind, Member, Operation, Service, ShapeId, Structure};
use crate::value::{Map, Timestamp, Value};
use crate::yaml;

/// Which sample is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skeleton {
    /// The parameters, as `--cli-input-json` takes them.
    Input,
    /// The parameters, as `--cli-input-yaml` takes them.
    YamlInput,
    /// The result.
    Output,
}

impl Skeleton {
    /// The words for them on the command line.
    pub const CHOICES: &[&str] = &["input", "output", "yaml-input"];

    /// The sample that a word asks for.
    pub fn of_word(word: &str) -> Self {
        match word {
            "output" => Self::Output,
            "yaml-input" => Self::YamlInput,
            _ => Self::Input,
        }
    }
}

/// The parameters of `operation`: empty texts or the first of their choices, zeros, and one item in each list.
pub fn input(service: &Service, operation: &Operation) -> Value {
    let mut sample = Sample {
        service,
        named: false,
        time: Value::Str("1970-01-01T00:00:00".to_owned()),
        above: Vec::new(),
    };
    operation.input.map_or_else(|| Value::Map(Map::new()), |input| sample.value(input, ""))
}

/// The result of `operation`, where texts are the names of their members. `format`: that of the output, since points in
/// time are written in different ways.
pub fn output(service: &Service, operation: &Operation, format: &str) -> Value {
    let time = match format {
        "yaml" | "yaml-stream" => Value::Timestamp(Timestamp(OffsetDateTime::UNIX_EPOCH)),
        "json" => Value::Str("1970-01-01T00:00:00".to_owned()),
        _ => Value::Str("1970-01-01 00:00:00".to_owned()),
    };
    let mut sample = Sample { service, named: true, time, above: Vec::new() };
    operation.output.map_or_else(|| Value::Map(Map::new()), |output| sample.value(output, ""))
}

struct Sample<'a> {
    service: &'a Service,
    /// Texts are names.
    named: bool,
    time: Value,
    /// The shapes that the current one is part of.
    above: Vec<ShapeId>,
}

impl Sample<'_> {
    fn value(&mut self, shape: ShapeId, name: &str) -> Value {
        let service = self.service;
        let shape_of = |member: &Member| &service.shapes[member.shape as usize];
        match &service.shapes[shape as usize].kind {
            // A structure is shown once in itself.
            Kind::Structure(_) if self.above.contains(&shape) => Value::Map(Map::new()),
            kind @ (Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. }) => {
                self.above.push(shape);
                let value = match kind {
                    Kind::Structure(structure) => {
                        let member =
                            |member: &Member| (member.name.clone(), self.value(member.shape, &member.name));
                        Value::Map(structure.members.iter().map(member).collect())
                    }
                    Kind::List { member, .. } => {
                        Value::List(vec![self.value(member.shape, &shape_of(member).name)])
                    }
                    Kind::Map { value, .. } => {
                        Value::Map(Map::from([("KeyName".to_owned(), self.value(value.shape, ""))]))
                    }
                    _ => Value::Null,
                };
                self.above.pop();
                value
            }
            Kind::String { .. } if self.named => Value::Str(name.to_owned()),
            Kind::String { choices, .. } => Value::Str(choices.first().cloned().unwrap_or_default()),
            Kind::Integer { .. } | Kind::Long { .. } => Value::Int(0),
            Kind::Float { .. } | Kind::Double { .. } => Value::Float(0.0),
            Kind::Boolean => Value::Bool(true),
            Kind::Timestamp { .. } => self.time.clone(),
            Kind::Blob { .. } => Value::Null,
        }
    }
}

/// Writes the parameters of `operation` as YAML, where comments tell what must be given and what may be chosen. The
/// official CLI's comments have the documentation's first sentence, too, which the packed models are without.
pub fn yaml_input(service: &Service, operation: &Operation, sink: &mut Sink) {
    let kind = operation.input.map(|input| (input, &service.shapes[input as usize].kind));
    match kind {
        Some((input, Kind::Structure(structure))) if !structure.members.is_empty() => {
            let mut writer = YamlSample { service, sink, above: vec![input] };
            writer.structure(structure, 0);
        }
        _ => sink.push("{}\n"),
    }
}

struct YamlSample<'a, 'b> {
    service: &'a Service,
    sink: &'b mut Sink,
    above: Vec<ShapeId>,
}

impl YamlSample<'_, '_> {
    /// Writes the members of a structure, the first of them where the line is.
    fn structure(&mut self, structure: &Structure, indent: usize) {
        for (index, member) in structure.members.iter().enumerate() {
            if self.sink.is_cut() {
                return;
            }
            if index > 0 {
                self.sink.push(&" ".repeat(indent));
            }
            self.sink.push(&yaml::text(&member.name));
            self.sink.push(":");
            let comment = self.comment(member, index == 0);
            self.value(member.shape, indent, &comment);
        }
    }

    fn comment(&self, member: &Member, first: bool) -> String {
        let choices = match &self.service.shapes[member.shape as usize].kind {
            Kind::String { choices, .. } if !choices.is_empty() => {
                format!(" Valid values are: {}.", choices.join(", "))
            }
            _ => String::new(),
        };
        let required = if member.required { " [REQUIRED]" } else { "" };
        match (required, choices.as_str()) {
            ("", "") => String::new(),
            _ => format!("{} #{required}{choices}", if first { " " } else { "" }),
        }
    }

    /// Writes what stands behind a key, or behind the dash of a list's item, that is at `indent`.
    fn value(&mut self, shape: ShapeId, indent: usize, comment: &str) {
        let service = self.service;
        match &service.shapes[shape as usize].kind {
            Kind::Structure(structure) if structure.members.is_empty() || self.above.contains(&shape) => {
                self.sink.push(&format!(" {{}}{comment}\n"));
            }
            kind @ (Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. }) => {
                self.above.push(shape);
                self.sink.push(&format!("{comment}\n{}", " ".repeat(indent)));
                match kind {
                    Kind::Structure(structure) => {
                        self.sink.push("  ");
                        self.structure(structure, indent + 2);
                    }
                    Kind::List { member, .. } => {
                        self.sink.push("-");
                        self.item(member.shape, indent);
                    }
                    Kind::Map { value, .. } => {
                        self.sink.push("  KeyName:");
                        self.value(value.shape, indent + 2, "");
                    }
                    _ => {}
                }
                self.above.pop();
            }
            kind => {
                let value = match kind {
                    Kind::String { choices, .. } => yaml::text(choices.first().map_or("", String::as_str)),
                    Kind::Integer { .. } | Kind::Long { .. } => "0".to_owned(),
                    Kind::Float { .. } | Kind::Double { .. } => "0.0".to_owned(),
                    Kind::Boolean => "true".to_owned(),
                    Kind::Timestamp { .. } => "1970-01-01 00:00:00".to_owned(),
                    _ => "!!binary ''".to_owned(),
                };
                self.sink.push(&format!(" {value}{comment}\n"));
            }
        }
    }

    /// Writes an item behind the dash of its list, which is at `indent`: what is inside of it begins in the same line.
    fn item(&mut self, shape: ShapeId, indent: usize) {
        let service = self.service;
        let is_inside = self.above.contains(&shape);
        self.above.push(shape);
        match &service.shapes[shape as usize].kind {
            Kind::Structure(structure) if !structure.members.is_empty() && !is_inside => {
                self.sink.push(" ");
                self.structure(structure, indent + 2);
            }
            Kind::Structure(_) => self.sink.push(" {}\n"),
            Kind::List { member, .. } => {
                self.sink.push(" -");
                self.item(member.shape, indent + 2);
            }
            Kind::Map { value, .. } => {
                self.sink.push(" KeyName:");
                self.value(value.shape, indent + 2, "");
            }
            _ => self.value(shape, indent, ""),
        }
        self.above.pop();
    }
}
